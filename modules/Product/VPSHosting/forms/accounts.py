"""The form of a DigitalOcean account."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from puqpanel.sdk import __, db, forms, noop__

from ..models.accounts import Account
from .fields import trim, without_slash

V = forms.validators
InputRequired, Length, NumberRange, Optional = (
    V.InputRequired,
    V.Length,
    V.NumberRange,
    V.Optional,
)
SCOPES_HELP = noop__(
    "Create it in DigitalOcean's control panel under API, with full access or these scopes:"
    " account, actions, monitoring, regions, sizes: read; droplet: read, create, update,"
    " delete, admin; image: read, create, delete; snapshot: read, delete; ssh_key, tag: read,"
    " create."
)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class AccountForm(forms.PageForm):
    """An account and its API token."""

    name = forms.StringField(
        "Name", [InputRequired(), Length(max=100)], filters=[trim], description="Shown to staff."
    )
    api_token = forms.SecretField(
        "API token", [Length(max=500)], filters=[trim], description=SCOPES_HELP
    )
    api_url = forms.StringField(
        "API URL",
        [InputRequired(), Length(max=253)],
        filters=[trim, without_slash],
        description="Change it only if you use a proxy.",
    )
    max_servers = forms.IntegerField(
        "Server limit",
        [Optional(), NumberRange(0, 1_000_000)],
        description="0 for no limit. DigitalOcean's own limit also applies.",
    )
    active = forms.BooleanField("Accept new servers", default=True)

    record: Account | None = None

    def validate_name(self, field: Any) -> None:
        """Require a unique name."""
        other_id = db.session.scalar(
            sa.select(Account.id).where(sa.func.lower(Account.name) == field.data.lower())
        )
        if other_id is not None and (self.record is None or other_id != self.record.id):
            raise forms.FieldError(__("Another account has this name."))

    def validate_api_token(self, field: Any) -> None:
        """Require a token for a new account."""
        if not field.data and self.record is None:
            raise forms.FieldError(__("Enter an API token."))
        is_word = all(char.isprintable() and not char.isspace() for char in field.data or "")
        if field.data and not (is_word and field.data.isascii()):
            raise forms.FieldError(__("A token is a single word without spaces."))

    def validate_api_url(self, field: Any) -> None:
        """Require an https URL; the token is sent with each request."""
        if not _is_plain_url(field.data or ""):
            raise forms.FieldError(__("Enter a URL such as https://api.digitalocean.com."))
        parts = urlsplit(field.data)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise forms.FieldError(__("With http://, the token is sent unencrypted. Use https://."))
        if parts.path.rstrip("/").endswith("/v2"):
            raise forms.FieldError(__("Remove /v2 from the URL; it is added automatically."))

    def fill(self, account: Account) -> Account:
        """Copy the form's values to an account; a blank token keeps the current one."""
        account.name = self.name.data or ""
        account.api_url = self.api_url.data or ""
        account.active = bool(self.active.data)
        account.max_servers = self.max_servers.data or 0
        if self.api_token.data:
            account.api_token = self.api_token.data
        return account


def _is_plain_url(url: str) -> bool:
    """Return whether a URL has scheme, host and perhaps a port and a path, and nothing else."""
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return bool(
        parts.scheme in ("http", "https")
        and parts.hostname
        and port_is_valid
        and not parts.query
        and not parts.fragment
        and parts.username is None
        and not any(char.isspace() for char in url)
    )
