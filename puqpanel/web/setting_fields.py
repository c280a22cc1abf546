"""Forms generated from the table of settings."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import request
from wtforms import BooleanField, Field, FileField, HiddenField, SelectField, StringField
from wtforms import TextAreaField as LongTextField

from puqpanel.domain.images import MAX_BYTES
from puqpanel.domain.settings import Definition, Kind
from puqpanel.domain.texts import Text, _
from puqpanel.operations.system import settings
from puqpanel.operations.system.settings import Shown
from puqpanel.web.fields import CountryField, CurrencyField, LanguageField, TimeZoneField
from puqpanel.web.forms import Form, SecretField, choices
from puqpanel.web.guard import can

REMOVE = "-remove"
"""End of the name of the checkbox that removes an image."""
_FIELDS: Mapping[Kind, Callable[..., Any]] = {
    Kind.LONG_TEXT: LongTextField,
    Kind.BOOLEAN: BooleanField,
    Kind.LOCALE: LanguageField,
    Kind.ZONE: TimeZoneField,
    Kind.CURRENCY: CurrencyField,
    Kind.COUNTRY: CountryField,
    Kind.SECRET: SecretField,
    Kind.IMAGE: FileField,
}
_ATTRIBUTES: Mapping[Kind, Mapping[str, Any]] = {
    Kind.INTEGER: {"inputmode": "numeric"},
    Kind.DURATION: {"inputmode": "numeric"},
    Kind.DECIMAL: {"inputmode": "decimal"},
    Kind.EMAIL: {"inputmode": "email"},
    Kind.URL: {"inputmode": "url"},
    Kind.COLOUR: {"spellcheck": "false", "placeholder": "#3451d1"},
    Kind.IMAGE: {"accept": "image/png,image/jpeg,image/webp,image/svg+xml"},
}


class SettingsForm(Form):
    """A form of settings; `settings_form` adds their fields."""

    seen = HiddenField()
    shown: Mapping[str, Shown]

    def changeable(self) -> list[str]:
        """Return the names that the viewer may change and the environment does not set."""
        return [name for name, shown in self.shown.items() if may_change(shown)]

    def typed(self) -> dict[str, object]:
        """Return what was submitted, as an argument of `settings.save`."""
        values: dict[str, object] = {}
        for name in self.changeable():
            kind, data = self.shown[name].definition.kind, self[name].data
            if kind is Kind.IMAGE:
                if upload := request.files.get(name):
                    with contextlib.closing(upload):
                        values[name] = upload.read(MAX_BYTES + 1)
                elif request.form.get(name + REMOVE):
                    values[name] = ""
            elif data or kind is not Kind.SECRET:
                values[name] = "" if data is None else data
        return values


def may_change(shown: Shown) -> bool:
    """Return whether the viewer can change a setting here."""
    return shown.source != "environment" and can(shown.definition.permission)


def settings_form(names: Iterable[str], group: str) -> SettingsForm:
    """Return the form of settings.

    Args:
        names: The settings in order.
        group: The group whose changes by others are detected.
    """
    shown = {name: settings.show(name) for name in names}
    fields: dict[str, Any] = {name: _field(each) for name, each in shown.items()}
    form_class = type("GeneratedForm", (SettingsForm,), {**fields, "shown": shown})
    data = {
        name: each.value
        for name, each in shown.items()
        if each.definition.kind not in (Kind.IMAGE, Kind.SECRET)
    }
    form: SettingsForm = form_class(data={**data, "seen": settings.digest(group)})
    for name, each in shown.items():
        field: Field = form[name]
        if isinstance(field, SecretField) and each.value:
            field.keep_saved()
        if not may_change(each):
            field.render_kw = {**(field.render_kw or {}), "disabled": True}
            if form.is_submitted():
                field.process(None, each.value)  # a disabled field is not submitted
    return form


def _field(shown: Shown) -> Any:
    definition = shown.definition
    options: dict[str, Any] = {
        "id": definition.name.replace(".", "-"),
        "description": _help(shown),
        "render_kw": dict(_ATTRIBUTES.get(definition.kind, {})),
    }
    if definition.kind is Kind.CHOICE:
        return SelectField(str(definition.label), choices=choices(definition.choices), **options)
    if definition.kind in (Kind.COUNTRY, Kind.ZONE, Kind.CURRENCY, Kind.LOCALE):
        del options["render_kw"]
        options["blank"] = "" if definition.default else _("None")
    return _FIELDS.get(definition.kind, StringField)(str(definition.label), **options)


def _help(shown: Shown) -> Text | str:
    definition: Definition = shown.definition
    if shown.source == "environment":
        return _(
            "Set by %(variable)s in the environment. Change it there.", variable=definition.variable
        )
    if not can(definition.permission):
        return _("Your role doesn't allow you to change this.")
    return definition.help
