"""Forms whose labels and help are in the reader's language."""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import __, forms


class Form(forms.Form):
    """Translates what the class says when the form is made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self:
            field.label.text = __(field.label.text)
            if field.description:
                field.description = __(field.description)


def trim(value: Any) -> Any:
    """Text without the blanks around it."""
    return value.strip() if isinstance(value, str) else value
