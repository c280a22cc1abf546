"""What the forms of a module declare about their fields.

Read from the declarations, without creating a form, so that no code of the module runs.
"""

from __future__ import annotations

from typing import Any

from wtforms import PasswordField
from wtforms.fields.core import UnboundField

from puqpanel.domain.texts import _

FORMS = ("SettingsForm", "ProductForm", "ServiceForm")
KEEP = _("Leave blank to keep the current value.")


class SecretField(PasswordField):
    """A secret, such as a password or an API key.

    It is never shown again, keeps its saved value if it is left blank, and is masked in the audit
    log and the module log, whatever its name.
    """

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
