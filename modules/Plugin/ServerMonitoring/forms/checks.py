"""The form of a check."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import __, db, forms, http

from ..models import settings
from ..models.checks import Check
from ..services import targets
from ..services.targets import HTTP, PING, PORT
from .translated import Form, trim

V = forms.validators
TYPES = {HTTP: "Web address", PORT: "Port", PING: "Ping"}


class CheckForm(Form):
    """What is checked, how often, and what counts as up."""

    name = forms.StringField("Name", [V.DataRequired(), V.Length(max=120)], filters=[trim])
    type = forms.SelectField("What is checked", choices=TYPES)
    target = forms.StringField(
        "Target",
        [V.DataRequired(), V.Length(max=500)],
        filters=[trim],
        description=(
            "A web address such as https://example.com/status, or a host name or address for a port"
            " or a ping."
        ),
    )
    port = forms.IntegerField(
        "Port", [V.Optional(), V.NumberRange(1, 65535)], description="For a port check."
    )
    tls = forms.BooleanField(
        "TLS on the port",
        description=(
            "For a port check: a TLS handshake must succeed as well. A web address says it by"
            " https."
        ),
    )
    verify_tls = forms.BooleanField(
        "Check the certificate", default=True, description="Off, any certificate will do."
    )
    status = forms.StringField(
        "Expected status",
        [V.Optional(), V.Length(max=100)],
        filters=[trim],
        description="For a web address: such as 200-299, 401. Empty: 200 to 299, after redirects.",
    )
    text = forms.StringField(
        "Expected text",
        [V.Optional(), V.Length(max=200)],
        description="For a web address: it must stand on the page. Empty: anything.",
    )
    interval = forms.IntegerField(
        "Every, seconds", [V.InputRequired(), V.NumberRange(30, 86400)], default=60
    )
    timeout = forms.IntegerField(
        "Answer within, seconds", [V.InputRequired(), V.NumberRange(1, 20)], default=10
    )
    failures = forms.IntegerField(
        "Failures in a row before it is down", [V.InputRequired(), V.NumberRange(1, 20)], default=2
    )
    owner = forms.StringField(
        "Belongs to",
        [V.Optional(), V.Length(max=36)],
        filters=[trim],
        description="The UUID of a client or a service; messages about the check carry it.",
    )

    record: Check | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.type.choices = {key: __(label) for key, label in TYPES.items()}
        self.owners: dict[str, str | None] = {"client_uuid": None, "service_uuid": None}

    @classmethod
    def of(cls, check: Check) -> CheckForm:
        """A check in the form."""
        known = {
            "name": check.name,
            "type": check.type,
            "target": check.target,
            "interval": check.interval,
            **check.config,
        }
        return cls(data={**known, "owner": check.service_uuid or check.client_uuid or ""})

    @property
    def config(self) -> dict[str, Any]:
        """What is kept as the check's config."""
        return {
            name: self[name].data
            for name in ("port", "tls", "verify_tls", "status", "text", "timeout", "failures")
        }

    def validate_status(self, field: forms.Field) -> None:
        """Codes and ranges of codes."""
        try:
            targets.statuses(field.data or "")
        except ValueError as error:
            raise forms.FieldError(str(error)) from None

    def validate_owner(self, field: forms.Field) -> None:
        """A client or a service that exists."""
        for column, known in (("service_uuid", db.service_uuid), ("client_uuid", db.client_uuid)):
            self.owners[column] = (
                db.session.scalar(sa.select(known).where(known == field.data))
                if field.data
                else None
            )
        if field.data and not any(self.owners.values()):
            raise forms.FieldError(__("There is no client and no service with this UUID."))

    def validate(self, extra_validators: Any = None) -> bool:
        """The fields each by itself; then whether the target fits the type and may be reached,
        where it is another than before.
        """
        if not super().validate(extra_validators):
            return False
        try:
            target = targets.parse(self.type.data, self.target.data or "", self.port.data)
        except ValueError as error:
            field = (
                self.port
                if self.type.data == PORT
                and not self.port.data
                and targets.is_host(self.target.data or "")
                else self.target
            )
            field.errors = [*field.errors, str(error)]
            return False
        was = self.record
        if was is not None and (was.type, was.target, was.config.get("port")) == (
            self.type.data,
            self.target.data,
            self.port.data,
        ):
            return True
        try:
            http.resolve_public(target.host, target.port or 7, settings.current().allowed)
        except http.AddressRefused as error:
            self.target.errors = [*self.target.errors, str(error)]
            return False
        return True
