"""Fields, filters and choices of the module's forms."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import __, db, forms

from ..models.accounts import Account
from ..services import keys


def trim(text: str | None) -> str:
    """Return the text without leading and trailing spaces."""
    return (text or "").strip()


def without_slash(text: str | None) -> str:
    """Return a URL without trailing slashes."""
    return (text or "").rstrip("/")


def accounts() -> dict[Any, Any]:
    """Return the accounts by id; 0 leaves the choice to the module."""
    query = sa.select(Account.id, Account.name).order_by(Account.name)
    return {0: __("First account with capacity"), **dict(db.session.execute(query).all())}


class KeysField(forms.TextAreaField):
    """SSH keys, one per line; its data is a list."""

    data: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.type = "TextAreaField"  # rendered as one

    def process_data(self, value: Any) -> None:
        """Read saved data."""
        self.data = keys.parse_lines(value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read submitted text."""
        self.data = [line for text in valuelist for line in keys.parse_lines(text)]

    def _value(self) -> str:
        return "\n".join(self.data or [])
