"""Permissions of staff. A role grants keys and each page requires one; the default is to deny."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission that a role can grant.

    Args:
        key: stable identifier.
        name: shown on the page of a role.
        description: what it allows, in one sentence.
        group: heading on the page of a role.
    """

    key: str
    name: str
    description: str
    group: str


PANEL_PERMISSIONS: tuple[Permission, ...] = (
    Permission(
        "dashboard.view",
        "View dashboard",
        "View key figures, failed services and recent tasks.",
        "Overview",
    ),
    Permission("clients.view", "View clients", "View clients and their users.", "Customers"),
    Permission(
        "clients.manage", "Manage clients", "Create and edit clients and their users.", "Customers"
    ),
    Permission(
        "services.view",
        "View services",
        "View services, without passwords.",
        "Customers",
    ),
    Permission(
        "services.manage",
        "Manage services",
        "Create services and edit their module settings.",
        "Customers",
    ),
    Permission(
        "services.provision",
        "Provision services",
        "Create, suspend, unsuspend, change package and retry.",
        "Customers",
    ),
    Permission(
        "services.terminate",
        "Terminate services",
        "Delete services at the provider, including their data.",
        "Customers",
    ),
    Permission("products.view", "View products", "View products.", "Catalog"),
    Permission(
        "products.manage",
        "Manage products",
        "Create and edit products and their module configuration.",
        "Catalog",
    ),
    Permission(
        "gateways.view",
        "View gateways",
        "View payment gateways, without their secrets.",
        "Billing",
    ),
    Permission(
        "gateways.manage",
        "Manage gateways",
        "Create, configure, reorder, enable, disable and delete payment gateways.",
        "Billing",
    ),
    Permission("tasks.view", "View tasks", "View tasks with their input and output.", "System"),
    Permission("tasks.manage", "Manage tasks", "Retry and cancel tasks.", "System"),
    Permission(
        "schedule.view",
        "View schedule",
        "View scheduled module jobs and their last runs.",
        "System",
    ),
    Permission(
        "schedule.manage",
        "Manage schedule",
        "Run, pause and resume scheduled module jobs.",
        "System",
    ),
    Permission(
        "modules.view", "View modules", "View installed modules and their status.", "System"
    ),
    Permission(
        "modules.manage",
        "Manage modules",
        "Activate, update and deactivate modules, and delete their data.",
        "System",
    ),
    Permission(
        "senders.view",
        "View senders",
        "View notification senders, without their secrets.",
        "System",
    ),
    Permission(
        "senders.manage",
        "Manage senders",
        "Create, configure, reorder, enable, disable and delete senders; send test messages.",
        "System",
    ),
    Permission(
        "module_log.view",
        "View module log",
        "View requests from modules to providers, and the responses.",
        "System",
    ),
    Permission(
        "audit.view",
        "View activity log",
        "View who did what, when and from which IP address.",
        "System",
    ),
    Permission("staff.view", "View staff and roles", "View staff accounts and roles.", "System"),
    Permission(
        "staff.manage",
        "Manage staff and roles",
        "Manage staff accounts and the permissions of roles.",
        "System",
    ),
    Permission("settings.view", "View settings", "View settings, without secrets.", "System"),
    Permission(
        "settings.manage",
        "Manage settings",
        "Change the company's name and logo, the language, limits and retention.",
        "System",
    ),
    Permission(
        "health.view",
        "View health",
        "View the state of the database, queue, workers and scheduler.",
        "System",
    ),
)


def module_permission(module_type: str, module_name: str, key: str) -> str:
    """Return the full key of a module's permission, `Product-MyCloudService-view-servers`."""
    return f"{module_type}-{module_name}-{key}"


def allows(granted: Collection[str], key: str) -> bool:
    """Return whether a set of granted keys includes a permission."""
    return EVERYTHING in granted or key in granted
