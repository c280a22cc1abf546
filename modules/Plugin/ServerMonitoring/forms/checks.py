"""The form of a check."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import __, db, forms, http, noop__

from ..models import settings
from ..models.checks import Check
from ..services import targets
from ..services.targets import HTTP, PING, PORT
from .fields import trim

V = forms.validators
TYPES = {HTTP: noop__("Website"), PORT: noop__("TCP port"), PING: noop__("Ping")}
CONFIG_FIELDS = ("port", "tls", "verify_tls", "status", "text", "timeout", "failures")


class CheckForm(forms.Form):
    """The target of a check, its schedule, and its success criteria."""

    name = forms.StringField("Name", [V.DataRequired(), V.Length(max=120)], filters=[trim])
    type = forms.SelectField("Type", choices=TYPES)
    target = forms.StringField(
        "Target",
        [V.DataRequired(), V.Length(max=500)],
        filters=[trim],
        description=(
            "A URL such as https://example.com/status, or a host name or IP address for ports and"
            " pings."
        ),
    )
    port = forms.IntegerField(
        "Port", [V.Optional(), V.NumberRange(1, 65535)], description="For TCP ports."
    )
    tls = forms.BooleanField(
        "Require TLS",
        description="For TCP ports. Websites use TLS if their URL starts with https://.",
    )
    verify_tls = forms.BooleanField(
        "Verify the TLS certificate",
        default=True,
        description="Turn off to accept any certificate.",
    )
    status = forms.StringField(
        "Expected status",
        [V.Optional(), V.Length(max=100)],
        filters=[trim],
        description="For websites, such as 200-299, 401. Default: 200 to 299, after redirects.",
    )
    text = forms.StringField(
        "Expected text",
        [V.Optional(), V.Length(max=200)],
        description="For websites. The page must contain this text (optional).",
    )
    interval = forms.IntegerField(
        "Interval (s)", [V.InputRequired(), V.NumberRange(30, 86400)], default=60
    )
    timeout = forms.IntegerField(
        "Timeout (s)", [V.InputRequired(), V.NumberRange(1, 20)], default=10
    )
    failures = forms.IntegerField(
        "Consecutive failures before down", [V.InputRequired(), V.NumberRange(1, 20)], default=2
    )
    owner = forms.StringField(
        "Client or service",
        [V.Optional(), V.Length(max=36)],
        filters=[trim],
        description="UUID of a client or service, included in the events of this check.",
    )

    record: Check | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.owners: dict[str, str | None] = {"client_uuid": None, "service_uuid": None}

    @classmethod
    def of(cls, check: Check) -> CheckForm:
        """Return the form of a saved check."""
        columns = {name: getattr(check, name) for name in ("name", "type", "target", "interval")}
        owner = check.service_uuid or check.client_uuid or ""
        return cls(data={**columns, **check.config, "owner": owner})

    @property
    def config(self) -> dict[str, Any]:
        """Return the values to save as the check's config."""
        return {name: self[name].data for name in CONFIG_FIELDS}

    def validate_status(self, field: forms.Field) -> None:
        """Require status codes and ranges."""
        try:
            targets.statuses(field.data or "")
        except ValueError as error:
            raise forms.FieldError(str(error)) from None

    def validate_owner(self, field: forms.Field) -> None:
        """Require an existing client or service."""
        if not field.data:
            return
        columns = {"service_uuid": db.service_uuid, "client_uuid": db.client_uuid}
        for name, column in columns.items():
            query = sa.select(column).where(column == field.data)
            self.owners[name] = db.session.scalar(query)
        if not any(self.owners.values()):
            raise forms.FieldError(__("No client or service has this UUID."))

    def validate(self, extra_validators: Any = None) -> bool:
        """Require a target that fits the type and, if it changed, that may be reached."""
        if not super().validate(extra_validators):
            return False
        try:
            target = targets.parse(self.type.data, self.target.data or "", self.port.data)
        except ValueError as error:
            field = self.port if self._lacks_port() else self.target
            field.errors = [*field.errors, str(error)]
            return False
        if not self._has_new_target():
            return True
        try:
            http.resolve_public(target.host, target.port or 7, settings.current().allowed)
        except http.AddressRefused as error:
            self.target.errors = [*self.target.errors, str(error)]
            return False
        return True

    def _lacks_port(self) -> bool:
        """Return whether the target is fine and only its port is missing."""
        is_port_check = self.type.data == PORT and not self.port.data
        return is_port_check and targets.is_host(self.target.data or "")

    def _has_new_target(self) -> bool:
        check = self.record
        if check is None:
            return True
        saved = (check.type, check.target, check.config.get("port"))
        return saved != (self.type.data, self.target.data, self.port.data)
