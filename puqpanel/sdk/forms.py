"""WTForms for modules: fields, validators, and conversion between forms and saved data.

For example:

    class ProductForm(forms.Form):
        quota = forms.IntegerField("Quota (GB)", [forms.validators.NumberRange(1)], default=10)

Labels, descriptions, choices and messages are written in English; a form translates them with the
module's `lang/` when it is created.
"""

import copy
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from flask import abort, request
from flask_wtf import FlaskForm
from flask_wtf.form import _Auto
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    DateField,
    DecimalField,
    EmailField,
    Field,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    URLField,
    validators,
)
from wtforms import Form as WtForm
from wtforms import ValidationError as FieldError

from puqpanel.domain.texts import _
from puqpanel.host import form_fields, importer, languages, views
from puqpanel.host.contract.base import ModuleBase
from puqpanel.host.form_fields import KEEP, SecretField

__all__ = [
    "BooleanField",
    "DateField",
    "DecimalField",
    "EmailField",
    "Field",
    "FieldError",
    "Form",
    "HiddenField",
    "IntegerField",
    "PageForm",
    "PasswordField",
    "RadioField",
    "SecretField",
    "SelectField",
    "SelectMultipleField",
    "StringField",
    "TextAreaField",
    "URLField",
    "bound",
    "defaults",
    "keep_secrets",
    "render",
    "save",
    "validators",
]

_TEMPLATE = """{% from "panel/macros/forms.html" import field %}<div class="grid2">
{% for f in form if f.type != "HiddenField" %}
{{- field(f, "wide" if f.type == "TextAreaField" else "") }}{% endfor %}</div>
{% for f in form if f.type == "HiddenField" %}{{ f() }}{% endfor %}"""


class _Translated:
    """Shows the texts of a form in the language of the current user."""

    class Meta:
        """WTForms settings."""

        def get_translations(self, form: object) -> Any:
            """Return the panel's wording of WTForms' default messages."""
            return views.form_messages() or WtForm.Meta.get_translations(self, form)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        folder = importer.folder_of(importer.package_of(type(self).__module__))

        def translate(text: Any) -> Any:
            return languages.translate(folder, text) if isinstance(text, str) and text else text

        for name, field in self._fields.items():  # type: ignore[attr-defined]
            field.label.text = translate(field.label.text)
            field.description = translate(field.description)
            field.validators = [_translated(rule, translate) for rule in field.validators]
            if placeholder := (field.render_kw or {}).get("placeholder"):
                field.render_kw = {**field.render_kw, "placeholder": translate(placeholder)}
            declared = getattr(getattr(type(self), name, None), "kwargs", {}).get("choices")
            if declared and not callable(declared):
                field.choices = _translated_choices(field.choices, translate)


class Form(_Translated, WtForm):
    """A form whose fields the panel shows, or without CSRF protection of its own."""


class PageForm(_Translated, FlaskForm):  # type: ignore[misc]
    """A form of a module's own page: reads the request and is protected against CSRF."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """WTForms settings."""

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            """Return the submitted values.

            A body in JSON is refused: its values need not be texts.
            """
            unread = formdata is _Auto and form.is_submitted() and not request.form
            if unread and request.is_json:
                abort(400, _("Send the fields as a form, not as JSON."))
            return super().wrap_formdata(form, formdata)


def _translated(rule: Any, translate: Callable[[Any], Any]) -> Any:
    if not getattr(rule, "message", None):
        return rule
    shown = copy.copy(rule)
    shown.message = translate(rule.message)
    return shown


def _translated_choices(choices: Any, translate: Callable[[Any], Any]) -> Any:
    if isinstance(choices, Mapping):
        return {key: _translated_choices(value, translate) for key, value in choices.items()}
    if isinstance(choices, str):
        return translate(choices)
    return [
        (choice[0], translate(choice[1]), *choice[2:]) if isinstance(choice, tuple) else choice
        for choice in choices or ()
    ]


def defaults(form: type[WtForm], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the saved data with the form's defaults for fields that were never saved."""
    return {name: value for name, value in _plain(form().data).items() if name not in data} | dict(
        data
    )


def as_sent(
    form: type[Form] | None, data: Mapping[str, Any], sent: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return data without the checkboxes and multiple choices that were not submitted.

    A browser does not submit an unticked checkbox, so an absent one is off, not its default.

    Args:
        form: the form.
        data: the form's data with defaults.
        sent: the submitted fields; None if this form was not submitted.
    """
    if form is None or sent is None:
        return dict(data)
    optional = (f.short_name for f in form() if isinstance(f, (BooleanField, SelectMultipleField)))
    absent = {name for name in optional if name not in sent}
    return {name: value for name, value in data.items() if name not in absent}


def save(
    form: type[Form], data: Mapping[str, Any], stored: Mapping[str, Any] | object = None
) -> dict[str, Any]:
    """Validate submitted fields.

    Args:
        form: the form.
        data: the submitted fields by name.
        stored: the saved data, or an object with it as attributes; see `keep_secrets`.

    Returns:
        `{status, data, code}` with the data to save, or `{status, message, errors, code}` with
        messages by field.
    """
    filled = form(formdata=_formdata(data))
    keep_secrets(filled, stored or {})
    if not filled.validate():
        errors = {
            str(name or ""): [str(text) for text in texts] for name, texts in filled.errors.items()
        }
        return {
            "status": "error",
            "message": str(_("Some fields are invalid.")),
            "errors": errors,
            "code": 422,
        }
    return {"status": "success", "data": _plain(filled.data), "code": 200}


def problems(form: type[Form], data: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return name, label and reason of each field whose saved value is not valid.

    A choice is not judged while there are none, because they may come from a provider.

    Args:
        form: the form.
        data: the saved data with defaults.
    """
    filled = form(formdata=_formdata(data))
    filled.validate()
    return [
        (field.short_name, str(field.label.text), " ".join(map(str, field.errors)))
        for field in filled
        if field.errors and getattr(field, "choices", True)
    ]


def keep_secrets(form: WtForm, saved: Mapping[str, Any] | object) -> None:
    """Keep the saved values of secret fields that were left blank; call it before `validate()`.

    A secret whose address changed, see `SecretField`, is not kept: its field gets an error.

    Args:
        form: the submitted form.
        saved: the saved values by field name, or an object with them as attributes.
    """
    if not isinstance(saved, Mapping):
        saved = {field.short_name: getattr(saved, field.short_name, None) for field in form}
    plain = [field for field in form if not isinstance(field, PasswordField)]
    old = {field.short_name: saved.get(field.short_name, _default(field)) for field in plain}
    new = {field.short_name: field.data for field in plain}
    for field in form:
        if not isinstance(field, PasswordField) or field.data:
            continue
        name = field.short_name
        if not saved.get(name):
            continue
        changed = form_fields.redirected(getattr(field, "sent_to", None), old, old, new)
        if changed:
            label = form[changed].label.text
            field.validators = [_refusal(label), *field.validators]
        else:
            field.process(_formdata({name: saved[name]}))


def _default(field: Field) -> Any:
    return field.default() if callable(field.default) else field.default


def _refusal(label: str) -> Callable[[Any, Any], None]:
    def refuse(_form: object, _field: object) -> None:
        text = _("Enter this again, because “%(field)s” was changed.", field=label)
        raise validators.StopValidation(str(text))

    return refuse


def bound(
    form: type[Form], data: Mapping[str, Any], errors: Mapping[str, list[str]] | None = None
) -> Form:
    """Return the form filled with saved or rejected data.

    Args:
        form: the form.
        data: the data to show.
        errors: messages to show beside the fields.
    """
    # as form data, so that rejected input is shown again even if it is not a number
    filled = form(formdata=_formdata(data))
    for name, texts in (errors or {}).items():
        if name in filled:
            filled[name].errors = list(texts)
    return filled


def render(
    module: ModuleBase,
    form: type[Form],
    data: Mapping[str, Any],
    errors: Mapping[str, list[str]] | None = None,
) -> str:
    """Return HTML of the fields, for use inside a form of the panel.

    Args:
        module: the module, for its templates and translations.
        form: the form.
        data: the data to show.
        errors: messages to show beside the fields.
    """
    filled = bound(form, data, errors)
    for field in filled:
        if isinstance(field, PasswordField) and data.get(field.short_name) and not errors:
            field.render_kw = {"placeholder": str(KEEP), **(field.render_kw or {})}
    _unlock_blank(filled, data)
    environment = views.environment(module.module_folder)
    if views.has_panel():
        # the macros escape
        return Markup(environment.from_string(_TEMPLATE).render(form=filled))  # noqa: S704
    rows = (Markup("<p>{} {}</p>").format(field.label(), field()) for field in filled)
    return Markup("").join(rows)


def is_blank(value: Any) -> bool:
    """Return whether a value leaves a required field empty: 0 does not, an unticked box does."""
    return value is None or value is False or value in ([], {}) or not str(value).strip()


def _unlock_blank(form: Form, data: Mapping[str, Any]) -> None:
    """Let a required read-only field without a value be filled in, and drop an optional one."""
    for name, field in list(form._fields.items()):
        render_kw = dict(field.render_kw or {})
        if render_kw.pop("readonly", False) and is_blank(data.get(name)):
            if field.flags.required:
                field.render_kw = render_kw
            else:
                del form[name]


def _formdata(data: Mapping[str, Any]) -> MultiDict[str, str]:
    fields: MultiDict[str, str] = MultiDict()
    for name, value in data.items():
        if isinstance(value, bool):
            if value:
                fields.add(str(name), "y")
        elif isinstance(value, (list, tuple)):
            for item in value:
                fields.add(str(name), str(item))
        elif value is not None:
            fields.add(str(name), str(value))
    return fields


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as JSON can hold them."""
    plain: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, Decimal):
            plain[name] = str(value)
        elif isinstance(value, date):
            plain[name] = value.isoformat()
        else:
            plain[name] = value
    return plain
