"""What the forms of both areas share: their base, and the way an operation's refusal gets back
beside the fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from wtforms import SelectChoice, SelectMultipleField, widgets  # type: ignore[attr-defined]  # the stubs are older

from puqpanel.domain.errors import InvalidInput, UserError


class Sentences:
    """What validators say where a field gives no sentence of its own, in the panel's voice
    instead of the library's.
    """

    ours: Mapping[str, str] = {
        "This field is required.": "This is needed.",
        "Invalid Choice: could not coerce.": "Choose one of the list.",
        "Invalid choice(s): one or more data inputs could not be coerced.": "Choose from the list.",
        "Not a valid choice.": "Choose one of the list.",
        "Not a valid integer value.": "Enter a whole number.",
        "Not a valid decimal value.": "Enter a number, as in 4.90.",
        "Not a valid float value.": "Enter a number.",
        "Invalid email address.": "Enter an e-mail address, as in anna@example.com.",
        "Invalid URL.": "Enter an address that begins with https://.",
        "Invalid input.": "Enter this in another way.",
        "Field must be at least %(min)d character long.": "Use at least %(min)d character.",
        "Field must be at least %(min)d characters long.": "Use at least %(min)d characters.",
        "Field cannot be longer than %(max)d character.": "Use at most %(max)d character.",
        "Field cannot be longer than %(max)d characters.": "Use at most %(max)d characters.",
        "Field must be between %(min)d and %(max)d characters long.": (
            "Use %(min)d to %(max)d characters."
        ),
        "Number must be at least %(min)s.": "Enter %(min)s or more.",
        "Number must be at most %(max)s.": "Enter %(max)s or less.",
        "Number must be between %(min)s and %(max)s.": "Enter %(min)s to %(max)s.",
        "'%(value)s' is not a valid choice for this field.": "Choose from the list.",
        "'%(value)s' are not valid choices for this field.": "Choose from the list.",
    }

    def gettext(self, text: str) -> str:
        """Our sentence for one of the library's."""
        return self.ours.get(text, text)

    def ngettext(self, one: str, many: str, number: int) -> str:
        """The same for a sentence that counts."""
        return self.gettext(one if number == 1 else many)


class Form(FlaskForm):  # type: ignore[misc]
    """A form of the panel: its token checked, surrounding space of texts left to operations."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """How the library is set up for our forms."""

        def get_translations(self, form: object) -> Sentences:
            """Who words what the validators say."""
            return Sentences()

    def values(self, *names: str) -> dict[str, Any]:
        """The answers to some fields, by name, for an operation's arguments; a text that was
        not sent is empty.
        """
        return {name: "" if self[name].data is None else self[name].data for name in names}


class MultiCheckboxField(SelectMultipleField):
    """Several of a few choices, as ticks."""

    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.CheckboxInput()


def choices(pairs: Iterable[tuple[str, str]]) -> list[SelectChoice]:
    """Choices of a field.

    Args:
        pairs: what is sent and the word that is shown.
    """
    return [SelectChoice(value, label) for value, label in pairs]


def add_errors(form: FlaskForm, error: UserError) -> None:
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
    """What a form of a module's own sent: text by name, a list where a name came more than once
    or ends in `[]`.
    """
    found: dict[str, Any] = {}
    for name, values in request.form.lists():
        if name != "csrf_token":
            found[name.removesuffix("[]")] = (
                values if len(values) > 1 or name.endswith("[]") else values[0]
            )
    return found
