"""The forms of staff for groups and servers."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    IntegerField,
    PasswordField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional, Regexp, ValidationError

from puqpanel.sdk import db

from ..models.servers import FILL_FIRST, LEAST_LOADED, Server, ServerGroup
from .choices import groups, trim

ALLOCATIONS = {
    FILL_FIRST: "The first server with room",
    LEAST_LOADED: "The server with the fewest accounts",
}
UNENCRYPTED = (
    "With http:// the administrator's password would travel unencrypted. Write https://, or switch"
    " TLS off if that is meant."
)
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")


class GroupForm(FlaskForm):  # type: ignore[misc]
    """A group of servers."""

    name = StringField("Name", [InputRequired(), Length(max=100)], filters=[trim])
    allocation = SelectField("New accounts go to", choices=ALLOCATIONS)
    description = TextAreaField("Description", [Length(max=500)], filters=[trim])

    record: ServerGroup | None = None

    def validate_name(self, field: Any) -> None:
        """No two groups are named alike."""
        _unique(ServerGroup, field.data, self.record, "group")


class ServerForm(FlaskForm):  # type: ignore[misc]
    """A server and its administrator.

    A whole address pasted into the first field is taken apart.
    """

    name = StringField(
        "Name",
        [InputRequired(), Length(max=100)],
        filters=[trim],
        description="What staff call it.",
    )
    group_id = SelectField("Group", coerce=int, choices=groups)
    host = StringField(
        "Address",
        [InputRequired(), Length(max=253)],
        filters=[trim],
        description="A host name such as cloud.example.com. The whole address may be pasted.",
    )
    port = IntegerField(
        "Port", [Optional(), NumberRange(1, 65535)], description="Usually 443, or 80 without TLS."
    )
    path = StringField(
        "Folder",
        [Length(max=200), Regexp(r"(/[A-Za-z0-9._~-]+)*/?$", message="Write it as /nextcloud.")],
        filters=[trim],
        description="Only if the cloud is not at the top of the address.",
    )
    username = StringField(
        "Administrator",
        [InputRequired(), Length(max=200)],
        filters=[trim],
        description="A user of the cloud in its group admin, best one made for the panel.",
    )
    password = PasswordField(
        "Password",
        [Length(max=500)],
        description="Best an app password, made in that user's security settings.",
    )
    max_accounts = IntegerField(
        "Accounts at most", [Optional(), NumberRange(0, 10_000_000)], description="0 for no limit."
    )
    position = IntegerField(
        "Place in the group",
        [Optional(), NumberRange(-1000, 1_000_000)],
        description="Lower ones are filled first.",
    )
    ssl = BooleanField("Use TLS (https)", default=True)
    verify_tls = BooleanField("Refuse bad certificates", default=True)
    active = BooleanField("Take new accounts", default=True)

    record: Server | None = None
    pasted = ""  # why the pasted address cannot be taken

    def process(self, formdata: Any = None, *args: Any, **kwargs: Any) -> None:
        """Take a pasted address apart before the fields are looked at."""
        super().process(formdata, *args, **kwargs)
        self.pasted = ""
        if formdata and "://" in (self.host.data or ""):
            self._take_apart(self.host.data or "")

    def _take_apart(self, address: str) -> None:
        try:
            parts = urlsplit(address)
            port = parts.port
        except ValueError:
            self.pasted = "Write a host name such as cloud.example.com, or an IP address."
            return
        if "@" in parts.netloc:
            self.pasted = (
                "Leave the user name and password out of the address; they have fields of their"
                " own."
            )
        elif parts.scheme not in ("http", "https") or parts.query or parts.fragment:
            self.pasted = (
                "Only http:// or https://, a host name, a port and a folder may stand in the"
                " address."
            )
        elif parts.scheme == "http" and self.ssl.data:
            self.pasted = UNENCRYPTED
        else:
            self.host.data, self.port.data = parts.hostname or "", port or self.port.data
            self.ssl.data, self.path.data = (
                parts.scheme == "https",
                re.sub(r"/(index\.php.*)?$", "", parts.path),
            )

    def validate_path(self, field: Any) -> None:
        """A folder, with no way out of it."""
        if any(part in (".", "..") for part in (field.data or "").split("/")):
            raise ValidationError("Write it as /nextcloud; . and .. cannot stand in it.")

    def validate_name(self, field: Any) -> None:
        """No two servers are named alike."""
        _unique(Server, field.data, self.record, "server")

    def validate_host(self, field: Any) -> None:
        """A name or an address, nothing around it."""
        if self.pasted:
            raise ValidationError(self.pasted)
        if not HOST.fullmatch(field.data or "") or ".." in (field.data or ""):
            raise ValidationError("Write a host name such as cloud.example.com, or an IP address.")

    def validate_password(self, field: Any) -> None:
        """A new server needs one; a known one keeps what it has."""
        if not field.data and self.record is None:
            raise ValidationError("The panel needs it to sign in.")

    def fill(self, server: Server) -> Server:
        """Write the form into a row."""
        for name in ("name", "group_id", "host", "username", "ssl", "verify_tls", "active"):
            setattr(server, name, getattr(self, name).data)
        server.path = (self.path.data or "").rstrip("/")
        server.port = self.port.data or (443 if server.ssl else 80)
        server.max_accounts, server.position = self.max_accounts.data or 0, self.position.data or 0
        if self.password.data:
            server.password = self.password.data
        return server


def _unique(
    model: type[Server | ServerGroup], name: str, record: Server | ServerGroup | None, noun: str
) -> None:
    found = db.session.scalar(sa.select(model.id).where(sa.func.lower(model.name) == name.lower()))
    if found is not None and (record is None or found != record.id):
        raise ValidationError(f"Another {noun} has this name.")
