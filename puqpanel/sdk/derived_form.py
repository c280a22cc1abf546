"""A settings form for a gateway or sender that only normalises its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wtforms import FloatField

from puqpanel.infra.redact import secret_name
from puqpanel.sdk import forms


def derived_form(settings: Mapping[str, Any], module: str) -> type[forms.Form] | None:
    """Return a form with one field for each setting; None if there is none.

    A name such as `secret_key` makes a secret field; otherwise the default decides: a checkbox, a
    number or text. Settings with other values have no field.

    Args:
        settings: the settings of a new instance by name, as `get_module_data` returns them.
        module: name of the Python module whose translations the labels use.
    """
    fields: dict[str, Any] = {}
    for name, value in settings.items():
        label = str(name).replace("_", " ").strip().capitalize()
        if not str(name).isidentifier() or hasattr(forms.Form, name) or name.startswith("_"):
            continue
        if secret_name(name):
            fields[name] = forms.SecretField(label)
        elif isinstance(value, bool):
            fields[name] = forms.BooleanField(label, default=value)
        elif isinstance(value, int | float):
            number: Any = forms.IntegerField if isinstance(value, int) else FloatField
            fields[name] = number(label, [forms.validators.Optional()], default=value)
        elif isinstance(value, str):
            fields[name] = forms.StringField(label, default=value)
    return type("SettingsForm", (forms.Form,), {**fields, "__module__": module}) if fields else None
