"""What the forms of a module declare about their fields.

Read from the declarations, without creating a form, so that no code of the module runs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from wtforms import PasswordField
from wtforms.fields.core import UnboundField

from puqpanel.domain.texts import _
from puqpanel.infra.redact import secret_name

_ADDRESS_WORD = re.compile(
    "api|domain|encryption|endpoint|host|hostname|https?|insecure|ip|login|path|port"
    "|protocol|proxy|scheme|server|smtp|ssl|tls|ur[il]|user|username|verify|webhook",
    re.IGNORECASE,
)
"""Words in the names of fields that decide where, or as whom, a secret is sent."""
_WORD = re.compile(r"[a-z0-9]+|[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")
FORMS = ("SettingsForm", "ProductForm", "ServiceForm")
KEEP = _("Leave blank to keep the current value.")


class SecretField(PasswordField):
    """A secret, such as a password or an API key.

    It is never shown again, keeps its saved value if it is left blank, and is masked in the audit
    log and the module log, whatever its name. When a field that decides where it is sent changes,
    it must be entered again: otherwise staff could have it sent to an address of their own.

    Args:
        label: the label.
        validators: WTForms validators.
        sent_to: names of those fields. By default, all fields whose names say so (`host`, `port`,
            `api_url`, `username`, `verify_tls` …); empty for a secret that is never sent.
        **options: further options of `wtforms.PasswordField`.
    """

    def __init__(
        self,
        label: Any = None,
        validators: Any = None,
        *,
        sent_to: Collection[str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(label, validators, **options)
        self.sent_to = sent_to

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the submitted value; spaces alone are blank, as `Optional` takes them to be."""
        super().process_formdata(valuelist)
        self.data = "" if isinstance(self.data, str) and not self.data.strip() else self.data

    def keep_saved(self) -> None:
        """Let the field be left blank, because a value is saved."""
        self.flags.required = False
        self.render_kw = {"placeholder": str(KEEP), **(self.render_kw or {})}


def secret_fields(declaring: type | None) -> frozenset[str]:
    """Return the names of the fields that are declared secret, as SecretField or PasswordField.

    Args:
        declaring: a module's class, whose forms are read; or a form.
    """
    forms = [declaring, *(getattr(declaring, name, None) for name in FORMS)]
    return frozenset(
        name
        for form in forms
        if isinstance(form, type)
        for name in dir(form)
        if _is_secret(getattr(form, name, None))
    )


def declared_fields(form: type) -> frozenset[str]:
    """Return the names of all fields of a form."""
    names = dir(form)
    return frozenset(name for name in names if isinstance(getattr(form, name, None), UnboundField))


def _is_secret(attribute: Any) -> bool:
    return isinstance(attribute, UnboundField) and issubclass(attribute.field_class, PasswordField)


def is_address(name: str) -> bool:
    """Return whether a field's name says that it decides where, or as whom, a secret is sent."""
    return any(_ADDRESS_WORD.fullmatch(word) for word in _WORD.findall(name))


def redirected(
    sent_to: Collection[str] | None,
    names: Iterable[str],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
) -> str:
    """Return the first changed field that decides where a secret is sent; empty if none changed.

    Args:
        sent_to: as declared by the secret's field; None to decide by name.
        names: the names of the fields that are not secret.
        old: the saved values.
        new: the values to be saved.
    """
    for name in names:
        decides = is_address(name) if sent_to is None else name in sent_to
        if decides and _text(old.get(name)) != _text(new.get(name)):
            return name
    return ""


def kept_for_another_address(
    declaring: type,
    stored: Mapping[str, Any],
    submitted: Mapping[str, Any],
    values: Mapping[str, Any],
) -> tuple[str, str]:
    """Return a secret that was kept although its address changed, and the field that changed.

    Args:
        declaring: the module's class.
        stored: the saved values.
        submitted: the values of the submitted form.
        values: what the module wants to save.

    Returns:
        Two names, both empty if there is no such secret.
    """
    declared = secret_fields(declaring)
    plain = [name for name in {**stored, **values} if not (name in declared or secret_name(name))]
    for name, value in values.items():
        secret = name in declared or secret_name(name)
        if secret and value and value == stored.get(name) and not submitted.get(name):
            changed = redirected(_declared_address(declaring, name), plain, stored, values)
            if changed:
                return name, changed
    return "", ""


def _declared_address(declaring: type, name: str) -> Collection[str] | None:
    for form in (getattr(declaring, form, None) for form in FORMS):
        field = getattr(form, name, None)
        if isinstance(field, UnboundField):
            sent_to: Collection[str] | None = field.kwargs.get("sent_to")
            return sent_to
    return None


def _text(value: Any) -> str:
    return "" if value in (None, False) else str(value).strip()
