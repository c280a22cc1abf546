"""Forms of server groups and servers."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from puqpanel.sdk import __, db, forms, http, noop__

from ..models.servers import FILL_FIRST, LEAST_LOADED, Server, ServerGroup
from .choices import groups, trim

V = forms.validators
InputRequired, Length, NumberRange = V.InputRequired, V.Length, V.NumberRange
Optional, Regexp = V.Optional, V.Regexp
ALLOCATIONS = {
    FILL_FIRST: noop__("First server with capacity"),
    LEAST_LOADED: noop__("Server with the fewest accounts"),
}
UNENCRYPTED = noop__(
    "With http://, the administrator's password is sent unencrypted. Enter https://, or turn off"
    " TLS if you accept that."
)
HOST_NAME = noop__("Enter a host name such as cloud.example.com, or an IP address.")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*")


class GroupForm(forms.PageForm):
    """Form of a server group."""

    name = forms.StringField("Name", [InputRequired(), Length(max=100)], filters=[trim])
    allocation = forms.SelectField("Placement of new accounts", choices=ALLOCATIONS)
    description = forms.TextAreaField("Description", [Length(max=500)], filters=[trim])

    record: ServerGroup | None = None

    def validate_name(self, field: Any) -> None:
        """Require a unique name."""
        _check_unique(ServerGroup, field.data, self.record, __("Another group has this name."))


class ServerForm(forms.PageForm):
    """Form of a server and its administrator.

    A URL pasted into the address field is split into host, port, folder and TLS.
    """

    name = forms.StringField(
        "Name", [InputRequired(), Length(max=100)], filters=[trim], description="Shown to staff."
    )
    group_id = forms.SelectField("Group", coerce=int, choices=groups)
    host = forms.StringField(
        "Address",
        [InputRequired(), Length(max=253)],
        filters=[trim],
        description="A host name such as cloud.example.com, or the full URL.",
    )
    port = forms.IntegerField(
        "Port", [Optional(), NumberRange(1, 65535)], description="Default: 443, or 80 without TLS."
    )
    path = forms.StringField(
        "Folder",
        [
            Length(max=200),
            Regexp(r"(/[A-Za-z0-9._~-]+)*/?$", message="Enter a folder such as /nextcloud."),
        ],
        filters=[trim],
        description="Only if Nextcloud is installed in a folder of the site.",
    )
    username = forms.StringField(
        "Administrator",
        [InputRequired(), Length(max=200)],
        filters=[trim],
        description="A member of the Nextcloud group admin, preferably a dedicated user.",
    )
    password = forms.SecretField(
        "Password",
        [Length(max=500)],
        description="Preferably an app password from that user's security settings.",
    )
    max_accounts = forms.IntegerField(
        "Account limit", [Optional(), NumberRange(0, 10_000_000)], description="0 for no limit."
    )
    position = forms.IntegerField(
        "Position in the group",
        [Optional(), NumberRange(-1000, 1_000_000)],
        description="Servers with lower numbers are filled first.",
    )
    ssl = forms.BooleanField("Use TLS (https)", default=True)
    verify_tls = forms.BooleanField("Verify the TLS certificate", default=True)
    active = forms.BooleanField("Accept new accounts", default=True)

    record: Server | None = None
    url_error = ""

    def process(self, formdata: Any = None, *args: Any, **kwargs: Any) -> None:
        """Split a pasted URL before the fields are validated."""
        super().process(formdata, *args, **kwargs)
        self.url_error = ""
        if formdata and "://" in (self.host.data or ""):
            self._split_url(self.host.data or "")

    def _split_url(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            self.url_error = __(HOST_NAME)
            return
        if "@" in parts.netloc:
            self.url_error = __(
                "Remove the user name and password from the URL; they have fields of their own."
            )
        elif parts.scheme not in ("http", "https") or parts.query or parts.fragment:
            self.url_error = __(
                "The URL may contain only http:// or https://, a host name, a port and a folder."
            )
        elif parts.scheme == "http" and self.ssl.data:
            self.url_error = __(UNENCRYPTED)
        else:
            self.host.data = parts.hostname or ""
            self.port.data = port or self.port.data
            self.ssl.data = parts.scheme == "https"
            self.path.data = re.sub(r"/(index\.php.*)?$", "", parts.path)

    def validate_path(self, field: Any) -> None:
        """Reject `.` and `..` in the folder."""
        if any(part in (".", "..") for part in (field.data or "").split("/")):
            raise forms.FieldError(__("The folder can't contain . or .. as a part."))

    def validate_name(self, field: Any) -> None:
        """Require a unique name."""
        _check_unique(Server, field.data, self.record, __("Another server has this name."))

    def validate_host(self, field: Any) -> None:
        """Require a host name, an IP address or an acceptable URL."""
        if self.url_error:
            raise forms.FieldError(self.url_error)
        host = http.ascii_host(field.data or "")
        if not HOST.fullmatch(host) or ".." in host:
            raise forms.FieldError(__(HOST_NAME))

    def validate_password(self, field: Any) -> None:
        """Require a password for a new server."""
        if not field.data and self.record is None:
            raise forms.FieldError(__("Enter the administrator's password."))

    def fill(self, server: Server) -> Server:
        """Copy the form's values to a server; a blank password keeps the current one."""
        for name in ("name", "group_id", "host", "username", "ssl", "verify_tls", "active"):
            setattr(server, name, getattr(self, name).data)
        server.path = (self.path.data or "").rstrip("/")
        server.port = self.port.data or (443 if server.ssl else 80)
        server.max_accounts = self.max_accounts.data or 0
        server.position = self.position.data or 0
        if self.password.data:
            server.password = self.password.data
        return server


def _check_unique(
    model: type[Server | ServerGroup], name: str, record: Server | ServerGroup | None, message: str
) -> None:
    other_id = db.session.scalar(
        sa.select(model.id).where(sa.func.lower(model.name) == name.lower())
    )
    if other_id is not None and (record is None or other_id != record.id):
        raise forms.FieldError(message)
