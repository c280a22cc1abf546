"""What the forms of both areas share: their base, and the way an operation's refusal gets back beside the fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from wtforms import SelectChoice, SelectMultipleField, widgets  # type: ignore[attr-defined]  # the stubs are older

from puqpanel.domain.errors import InvalidInput, UserError


class Form(FlaskForm):  # type: ignore[misc]
    """A form of the panel: its token checked, surrounding space of texts left to operations."""

    def values(self, *names: str) -> dict[str, Any]:
        """The answers to some fields, by name, for an operation's arguments; a text that was not sent is empty."""
        return {name: "" if self[name].data is None else self[name].data for name in names}


class MultiCheckboxField(SelectMultipleField):
    """Several of a few choices, as ticks."""

    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.CheckboxInput()


def offered(pairs: Iterable[tuple[str, str]]) -> list[SelectChoice]:
    """Choices of a field.

    Args:
        pairs: what is sent and the word that is shown.
    """
    return [SelectChoice(value, label) for value, label in pairs]


def blame(form: FlaskForm, error: UserError) -> None:
    """Puts an operation's refusal beside the fields it is about; what is of no field goes on top.

    Args:
        form: a form that was validated.
        error: what the operation raised.
    """
    if not isinstance(error, InvalidInput):
        form.form_errors.append(str(error))
        return
    for name, sentences in error.errors.items():
        if name in form:
            form[name].errors = [*form[name].errors, *sentences]
        else:
            form.form_errors.extend(sentences)


def answers() -> dict[str, Any]:
    """What a form of a module's own sent: text by name, a list where a name came more than once or ends in `[]`."""
    found: dict[str, Any] = {}
    for name, values in request.form.lists():
        if name != "csrf_token":
            found[name.removesuffix("[]")] = values if len(values) > 1 or name.endswith("[]") else values[0]
    return found
