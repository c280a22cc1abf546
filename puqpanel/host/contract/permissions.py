"""The permissions that a module declares, or uses without declaring them."""

from __future__ import annotations

import re

from puqpanel.domain.permissions import Permission, module_permission
from puqpanel.host.contract.base import ModuleBase
from puqpanel.host.contract.declared import entries, required_text
from puqpanel.host.contract.refusal import Refused
from puqpanel.host.sanitize import sentence

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
KEY_CHARACTERS = "may contain only letters, digits, dots, dashes and underscores"


class Permissions(dict[str, Permission]):
    """Permissions of a module by their short key, `servers`.

    Args:
        instance: of the module; its `admin_permissions()` is read.

    Raises:
        Refused: an entry is invalid.
    """

    def __init__(self, instance: ModuleBase) -> None:
        super().__init__()
        self._prefix = module_permission(instance.module_type, instance.module_name, "")
        self._group = sentence(str(instance.config("name") or instance.module_name), 120)
        for entry in entries(instance, "admin_permissions"):
            key = self.short_key(required_text(entry, "key", "An entry of admin_permissions()"))
            if not KEY.fullmatch(key):
                raise Refused(f"The permission key “{key}” {KEY_CHARACTERS}.")
            if key in self:
                raise Refused(f"admin_permissions() declares the key “{key}” twice.")
            self.add(key, str(entry.get("name") or ""), str(entry.get("description") or ""))

    def short_key(self, key: str) -> str:
        """Return a key without the module's prefix."""
        return key.removeprefix(self._prefix)

    def add(self, key: str, name: str = "", description: str = "") -> None:
        """Add a permission.

        Args:
            key: the short key.
            name: the label in the role editor; derived from the key if empty.
            description: what it allows.
        """
        label = sentence(name, 120) or key.replace("-", " ").replace("_", " ").capitalize()
        self[key] = Permission(
            f"{self._prefix}{key}", label, sentence(description, 400), self._group
        )
