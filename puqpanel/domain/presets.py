"""Presets of the role editor: named sets of permissions to start from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from puqpanel.domain.permissions import EVERYTHING, PANEL_KEYS, VIEW, Permission
from puqpanel.domain.texts import Text, _


@dataclass(frozen=True, slots=True)
class Preset:
    """A set of permissions that the role editor can fill in.

    Args:
        key: its name in URLs.
        label: its name on pages.
        description: who it is for, in one sentence.
        keys: the permissions of the panel; `*` is all, including those of modules.
        modules: whether it includes all permissions of active modules.
    """

    key: str
    label: Text | str
    description: Text | str
    keys: frozenset[str]
    modules: bool = False

    def fill(self, permissions: Iterable[Permission]) -> frozenset[str]:
        """Return which of the known permissions it includes."""
        if EVERYTHING in self.keys:
            return self.keys
        return frozenset(
            permission.key
            for permission in permissions
            if permission.key in self.keys or (self.modules and permission.key not in PANEL_KEYS)
        )


PRESETS: tuple[Preset, ...] = (
    Preset(
        "administrator",
        _("Administrator"),
        _("All permissions, including those of modules that are added later."),
        frozenset({EVERYTHING}),
    ),
    Preset(
        "support",
        _("Support"),
        _("Helps customers: clients, services and their tasks."),
        frozenset(
            {
                "dashboard.view",
                "clients.view",
                "clients.manage",
                "clients.users",
                "clients.impersonate",
                "services.view",
                "services.manage",
                "services.provision",
                "orders.view",
                "products.view",
                "documents.view",
                "payments.view",
                "tasks.view",
                "tasks.manage",
                "module_log.view",
                "health.view",
            }
        ),
    ),
    Preset(
        "billing",
        _("Billing"),
        _("Manages clients, orders, documents and payments, without changing services."),
        frozenset(
            {
                "dashboard.view",
                "clients.view",
                "clients.manage",
                "services.view",
                "orders.view",
                "orders.manage",
                "products.view",
                "documents.view",
                "documents.manage",
                "documents.issue",
                "payments.view",
                "payments.manage",
                "companies.view",
                "gateways.view",
                "gateways.manage",
                "audit.view",
            }
        ),
    ),
    Preset(
        "technician",
        _("Technician"),
        _("Operates services, modules, tasks and the schedule."),
        frozenset(
            {
                "dashboard.view",
                "clients.view",
                "services.view",
                "services.manage",
                "services.provision",
                "services.terminate",
                "products.view",
                "products.manage",
                "tasks.view",
                "tasks.manage",
                "schedule.view",
                "schedule.manage",
                "modules.view",
                "senders.view",
                "module_log.view",
                "audit.view",
                "health.view",
            }
        ),
        modules=True,
    ),
    Preset(
        "read-only",
        _("Read only"),
        _("Can view everything but change nothing."),
        frozenset(key for key in PANEL_KEYS if key.endswith(f".{VIEW}")),
    ),
)
