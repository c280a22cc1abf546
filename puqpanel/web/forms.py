"""The base of all forms, and showing the errors of an operation next to the fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import SelectChoice, SelectMultipleField, widgets  # type: ignore[attr-defined]  # the stubs are older

from puqpanel.domain import texts
from puqpanel.domain.errors import InvalidInput, UserError
from puqpanel.domain.texts import Text, _n
from puqpanel.host.form_fields import SecretField
from puqpanel.web import drafts
from puqpanel.web.answers import flash
from puqpanel.web.guard import SAFE_METHODS

__all__ = [
    "Form",
    "MultiCheckboxField",
    "SecretField",
    "answers",
    "choices",
    "errors_in",
    "field_errors",
    "form_page",
    "save_or_show",
]

_: Callable[..., Any] = texts._
_c: Callable[..., Any] = texts._c
"""`domain.texts._` and `_c` for labels and messages of fields, whose stubs say str."""


class Translations:
    """The panel's wording of WTForms' default error messages, in the viewer's language.

    WTForms fills the placeholders of what is returned.
    """

    texts: Mapping[str, Text] = {
        "Invalid Choice: could not coerce.": _("Select an option from the list."),
        "Invalid choice(s): one or more data inputs could not be coerced.": (
            _("Select options from the list.")
        ),
        "Not a valid choice.": _("Select an option from the list."),
        "Not a valid integer value.": _("Enter a whole number."),
        "Not a valid decimal value.": _("Enter a number, for example 4.90."),
        "Not a valid float value.": _("Enter a number."),
        "Invalid email address.": _("Enter an e-mail address, for example anna@example.com."),
        "Invalid URL.": _("Enter a URL that starts with https://."),
        "Invalid input.": _("Enter a valid value."),
        "Field must be at least %(min)d characters long.": _n(
            "Use at least %(min)d character.", "Use at least %(min)d characters.", 1
        ),
        "Field cannot be longer than %(max)d characters.": _n(
            "Use at most %(max)d character.", "Use at most %(max)d characters.", 1
        ),
        "Field must be between %(min)d and %(max)d characters long.": (
            _("Use %(min)d to %(max)d characters.")
        ),
        "Number must be at least %(min)s.": _("Enter %(min)s or more."),
        "Number must be at most %(max)s.": _("Enter %(max)s or less."),
        "Number must be between %(min)s and %(max)s.": _("Enter %(min)s to %(max)s."),
        "'%(value)s' is not a valid choice for this field.": _("Select options from the list."),
        "'%(value)s' are not valid choices for this field.": _("Select options from the list."),
        "This field is required.": _("Enter a value."),
        "This field cannot be edited.": _("This value cannot be changed."),
        "This field is disabled and cannot have a value.": _("This value cannot be changed."),
        "Field must be equal to %(other_name)s.": _("Enter the same value twice."),
        "Field must be exactly %(max)d characters long.": _n(
            "Use exactly %(max)d character.", "Use exactly %(max)d characters.", 1
        ),
        "Invalid value, must be one of: %(values)s.": _("Enter one of these: %(values)s."),
        "Invalid value, can't be any of: %(values)s.": _("Enter none of these: %(values)s."),
        "Invalid IP address.": _("Enter an IP address."),
        "Invalid Mac address.": _("Enter a MAC address."),
        "Invalid UUID.": _("Enter a UUID."),
        "Not a valid date value.": _("Enter a valid date."),
        "Not a valid datetime value.": _("Enter a valid date and time."),
        "Not a valid time value.": _("Enter a valid time."),
        "Not a valid week value.": _("Enter a valid week."),
        "Date must be at least %(min)s.": _("Enter %(min)s or a later date."),
        "Date must be at most %(max)s.": _("Enter %(max)s or an earlier date."),
        "Date must be between %(min)s and %(max)s.": _("Enter a date from %(min)s to %(max)s."),
        "File does not have an approved extension.": _("Choose a file of another type."),
        "File does not have an approved extension: {extensions}": (
            _("Choose a file of another type: {extensions}")
        ),
    }

    def gettext(self, text: str) -> str:
        """Return the panel's wording of a message."""
        wording = self.texts.get(text)
        return texts.language().translations.gettext(wording.source) if wording else str(text)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """Return the panel's wording of a message with a number."""
        wording = self.texts.get(plural)
        if wording is None or not wording.plural:
            return self.gettext(singular if number == 1 else plural)
        return texts.language().translations.ngettext(wording.source, wording.plural, number)


class Form(FlaskForm):  # type: ignore[misc]
    """A form with CSRF protection; operations strip surrounding whitespace."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """WTForms settings."""

        def get_translations(self, form: object) -> Translations:
            """Return the wording of error messages."""
            return Translations()

        def wrap_formdata(self, form: object, formdata: Any) -> Any:
            """Return the submitted values, or those kept from before a sign-in.

            A body in JSON is refused: its values need not be texts.
            """
            unread = formdata is not None and not request.form
            if unread and request.is_json and request.method not in SAFE_METHODS:
                abort(400, texts._("Send the fields as a form, not as JSON."))
            submitted = super().wrap_formdata(form, formdata)
            return drafts.fields(request.path) if submitted is None else submitted

    @property
    def has_input(self) -> bool:
        """Whether the fields have values that the person typed, submitted now or before."""
        return bool(self.is_submitted() or drafts.fields(request.path))

    def values(self, *names: str) -> dict[str, Any]:
        """Return fields by name, as arguments of an operation; a missing value is ""."""
        return {name: "" if self[name].data is None else self[name].data for name in names}


class MultiCheckboxField(SelectMultipleField):
    """A multiple choice shown as checkboxes."""

    widget = widgets.ListWidget(prefix_label=False)
    option_widget = widgets.CheckboxInput()


def choices(pairs: Iterable[tuple[str, Text | str]]) -> list[SelectChoice]:
    """Return the choices of a select field.

    Args:
        pairs: (submitted value, label).
    """
    return [SelectChoice(value, str(label)) for value, label in pairs]


def field_errors(error: UserError) -> dict[str, list[str]]:
    """Return an operation's error as messages by field; "" holds those of no field."""
    return error.errors if isinstance(error, InvalidInput) else {"": [str(error)]}


@contextmanager
def errors_in(form: FlaskForm) -> Iterator[None]:
    """Add an operation's error to the fields it names, or else to the form, and do not raise it.

    Args:
        form: a validated form.
    """
    try:
        yield
    except UserError as error:
        for name, messages in field_errors(error).items():
            if name in form:
                form[name].errors = [*form[name].errors, *messages]
            else:
                form.form_errors.extend(messages)


def form_page(
    form: FlaskForm, template: str = "admin/form.html", **context: Any
) -> tuple[str, int]:
    """Return the page of a form, with code 422 if the form was submitted and rejected.

    Args:
        form: the form.
        template: its template.
        context: what the template shows around the form.
    """
    return render_template(template, form=form, **context), 422 if form.is_submitted() else 200


def save_or_show(
    form: FlaskForm,
    operation: Callable[[], tuple[Text | str, str]],
    template: str = "admin/form.html",
    **context: Any,
) -> ResponseReturnValue:
    """Run an operation if the form is submitted and valid, and redirect; else show the form.

    For example::

        def save() -> tuple[Text, str]:
            client = clients.create_client(actor=actor(), **form.values("name", "email"))
            return f"{client.name} added.", url_for("admin.clients.show", uuid=client.uuid)

        return save_or_show(form, save, title="Add client", label="Add client")

    Args:
        form: the form.
        operation: saves the form and returns the message to flash ("" for none) and the URL to
            redirect to; a UserError it raises is shown next to the fields.
        template: the template of the form.
        context: what the template shows around the form.
    """
    if form.validate_on_submit():
        with errors_in(form):
            message, url = operation()
            if message:
                flash(message, "good")
            return redirect(url)
    return form_page(form, template, **context)


def answers(submitted: MultiDict[str, str] | None = None) -> dict[str, Any]:
    """Return the submitted values of a module's form by name.

    A value is a list if its name occurs more than once or ends in `[]`.

    Args:
        submitted: values kept from before a sign-in; those of this request by default.
    """
    values_by_name: dict[str, Any] = {}
    for name, values in (submitted or request.form).lists():
        if name != "csrf_token":
            multiple = len(values) > 1 or name.endswith("[]")
            values_by_name[name.removesuffix("[]")] = values if multiple else values[0]
    return values_by_name
