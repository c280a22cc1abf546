"""WTForms for modules: the fields and validators to import, and the way from a form to stored data
and back.

`class ProductForm(forms.Form): quota = forms.IntegerField("Quota",
[forms.validators.NumberRange(1)], default=10)`
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    DateField,
    DecimalField,
    EmailField,
    Field,
    Form,
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
from wtforms import ValidationError as FieldError

from puqpanel.host import views
from puqpanel.host.contract.base import ModuleBase

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
    "PasswordField",
    "RadioField",
    "SelectField",
    "SelectMultipleField",
    "StringField",
    "TextAreaField",
    "URLField",
    "bound",
    "defaults",
    "render",
    "save",
    "validators",
]

_TEMPLATE = """{% from "panel/macros/forms.html" import field %}<div class="grid2">
{% for f in form if f.type != "HiddenField" %}
{{- field(f, "wide" if f.type == "TextAreaField" else "") }}{% endfor %}</div>
{% for f in form if f.type == "HiddenField" %}{{ f() }}{% endfor %}"""


def defaults(form: type[Form], data: Mapping[str, Any]) -> dict[str, Any]:
    """The stored data with the form's defaults where a field was never stored."""
    return {name: value for name, value in _plain(form().data).items() if name not in data} | dict(
        data
    )


def as_sent(
    form: type[Form] | None, data: Mapping[str, Any], sent: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Data less the boxes and choices that were not sent: nothing was ticked.

    Args: sent None, where this form was not sent, leaves it.
    """
    silent = (
        ()
        if form is None or sent is None
        else (f.short_name for f in form() if isinstance(f, (BooleanField, SelectMultipleField)))
    )
    absent = {name for name in silent if name not in (sent or {})}
    return {name: value for name, value in data.items() if name not in absent}


def save(
    form: type[Form], data: Mapping[str, Any], stored: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Validates and answers in the documented shape.

    Args: stored is what is kept already: an empty password field leaves it as it is.
    """
    filled = form(formdata=_formdata(data))
    kept = dict(stored or {})
    for field in filled:
        if isinstance(field, PasswordField) and not field.data and kept.get(field.short_name):
            field.process(_formdata({field.short_name: kept[field.short_name]}))
    if not filled.validate():
        errors = {
            str(name or ""): [str(text) for text in texts] for name, texts in filled.errors.items()
        }
        return {
            "status": "error",
            "message": "Some fields need another look.",
            "errors": errors,
            "code": 422,
        }
    return {"status": "success", "data": _plain(filled.data), "code": 200}


def bound(
    form: type[Form], data: Mapping[str, Any], errors: Mapping[str, list[str]] | None = None
) -> Form:
    """The form filled with stored or rejected data, with sentences beside the fields."""
    # As if it had been sent: what was typed stands there again, even where it is no number.
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
    """HTML of the fields, to stand inside a form of the panel's."""
    filled = bound(form, data, errors)
    for field in filled:
        if isinstance(field, PasswordField) and data.get(field.short_name) and not errors:
            # it is drawn empty; without a word nobody could tell whether there is one
            field.render_kw = {"placeholder": "Stored; empty keeps it", **(field.render_kw or {})}
    environment = views.environment(module.module_folder)
    if views.has_panel():
        # the macros escape
        return Markup(environment.from_string(_TEMPLATE).render(form=filled))  # noqa: S704
    rows = (Markup("<p>{} {}</p>").format(field.label(), field()) for field in filled)
    return Markup("").join(rows)


def _formdata(data: Mapping[str, Any]) -> MultiDict[str, str]:
    found: MultiDict[str, str] = MultiDict()
    for name, value in data.items():
        if isinstance(value, bool):
            if value:
                found.add(str(name), "y")
        elif isinstance(value, (list, tuple)):
            for one in value:
                found.add(str(name), str(one))
        elif value is not None:
            found.add(str(name), str(value))
    return found


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON can keep them."""
    plain: dict[str, Any] = {}
    for name, value in data.items():
        plain[name] = (
            str(value)
            if isinstance(value, Decimal)
            else value.isoformat()
            if isinstance(value, date)
            else value
        )
    return plain
