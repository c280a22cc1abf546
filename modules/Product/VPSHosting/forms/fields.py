"""Fields and filters of the module's forms."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import __, db, forms

from ..models.accounts import Account
from ..services import keys


def trim(text: str | None) -> str:
    """What was typed, without spaces around it."""
    return (text or "").strip()


def without_slash(text: str | None) -> str:
    """An address without the slash at its end."""
    return (text or "").rstrip("/")


def accounts() -> dict[Any, Any]:
    """All accounts, and the choice of none."""
    wanted = sa.select(Account.id, Account.name).order_by(Account.name)
    return {0: __("The first one with room"), **dict(db.session.execute(wanted).all())}


class Translated:
    """Lets a form's labels and help stand there in the reader's language."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self:  # type: ignore[attr-defined]
            field.label.text = __(field.label.text)
            if field.description:
                field.description = __(field.description)


class KeysField(forms.TextAreaField):
    """SSH keys, one a line; a list of them as data."""

    data: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.type = "TextAreaField"  # drawn as one

    def process_data(self, value: Any) -> None:
        """From a list."""
        self.data = keys.lines(value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """From what was typed, or from a list that is shown again."""
        self.data = [line for text in valuelist for line in keys.lines(text)]

    def _value(self) -> str:
        return "\n".join(self.data or [])
