"""A form whose labels and descriptions are translated."""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import __, forms


class Form(forms.Form):
    """Translates labels and descriptions when the form is created."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self:
            field.label.text = __(field.label.text)
            if field.description:
                field.description = __(field.description)


def trim(value: Any) -> Any:
    """Return a text without leading and trailing spaces."""
    return value.strip() if isinstance(value, str) else value
