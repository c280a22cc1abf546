"""The form of an account at DigitalOcean."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, PasswordField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError

from puqpanel.sdk import __, db

from ..models.accounts import Account
from .fields import Translated, trim, without_slash

WHERE_FROM = (
    "Made in DigitalOcean's control panel under API, with full access or with these scopes: account"
    " and image: read; droplet: all; snapshot: read, delete; ssh_key and tag: read, create;"
    " actions, monitoring, regions and sizes: read."
)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class AccountForm(Translated, FlaskForm):  # type: ignore[misc]
    """An account, and the token that the panel signs in with."""

    name = StringField(
        "Name",
        [InputRequired(), Length(max=100)],
        filters=[trim],
        description="What staff call it.",
    )
    api_token = PasswordField(
        "API token", [Length(max=500)], filters=[trim], description=WHERE_FROM
    )
    api_url = StringField(
        "API address",
        [InputRequired(), Length(max=253)],
        filters=[trim, without_slash],
        description="DigitalOcean's own, unless requests go through a gateway of yours.",
    )
    max_servers = IntegerField(
        "Servers at most",
        [Optional(), NumberRange(0, 1_000_000)],
        description="0 for no limit of the panel's; DigitalOcean has its own.",
    )
    active = BooleanField("Take new servers", default=True)

    record: Account | None = None

    def validate_name(self, field: Any) -> None:
        """No two accounts are named alike."""
        found = db.session.scalar(
            sa.select(Account.id).where(sa.func.lower(Account.name) == field.data.lower())
        )
        if found is not None and (self.record is None or found != self.record.id):
            raise ValidationError(__("Another account has this name."))

    def validate_api_token(self, field: Any) -> None:
        """A new account needs one; a known one keeps what it has."""
        if not field.data and self.record is None:
            raise ValidationError(__("The panel needs it to sign in."))
        if not field.data and self.record is not None and self.api_url.data != self.record.api_url:
            # else whoever may change an account could have its token sent to an address of their
            # own
            raise ValidationError(__("Enter it again: it goes to another address from now on."))
        if field.data and (
            not field.data.isascii()
            or any(not sign.isprintable() or sign.isspace() for sign in field.data)
        ):
            raise ValidationError(__("A token is one word of letters, digits and underscores."))

    def validate_api_url(self, field: Any) -> None:
        """A plain address, and an encrypted one: the token travels with each request."""
        try:
            parts = urlsplit(field.data or "")
            known = (
                parts.scheme in ("http", "https")
                and parts.hostname
                and (parts.port is None or parts.port > 0)
            )
        except ValueError:
            known = False
        if (
            not known
            or parts.query
            or parts.fragment
            or parts.username is not None
            or any(sign.isspace() for sign in field.data)
        ):
            raise ValidationError(__("Write an address such as https://api.digitalocean.com."))
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValidationError(
                __("With http:// the token would travel unencrypted. Write https://.")
            )
        if parts.path.rstrip("/").endswith("/v2"):
            raise ValidationError(__("Leave /v2 out of the address; it is added."))

    def fill(self, account: Account) -> Account:
        """Write the form into a row."""
        account.name, account.api_url, account.active = (
            self.name.data or "",
            self.api_url.data or "",
            bool(self.active.data),
        )
        account.max_servers = self.max_servers.data or 0
        if self.api_token.data:
            account.api_token = self.api_token.data
        return account
