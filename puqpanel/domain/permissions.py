"""What staff may be allowed to do.

Default deny: a role holds keys, a page names the one it needs.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing a role can allow.

    Its key, its name, one sentence, and the heading it stands under.
    """

    key: str
    name: str
    description: str
    group: str


PANEL_PERMISSIONS: tuple[Permission, ...] = (
    Permission(
        "dashboard.view",
        "See the dashboard",
        "Key figures, failed provisioning and task health.",
        "Overview",
    ),
    Permission(
        "clients.view", "See clients", "Lists and pages of clients and their users.", "Customers"
    ),
    Permission(
        "clients.manage", "Change clients", "Make and change clients and their users.", "Customers"
    ),
    Permission(
        "services.view",
        "See services",
        "Lists and pages of services, without passwords.",
        "Customers",
    ),
    Permission(
        "services.manage",
        "Change services",
        "Make services and change what their module keeps.",
        "Customers",
    ),
    Permission(
        "services.provision",
        "Provision services",
        "Create, suspend, unsuspend, change package and retry.",
        "Customers",
    ),
    Permission(
        "services.terminate", "Terminate services", "Destroy what the provider holds.", "Customers"
    ),
    Permission("products.view", "See products", "Lists and pages of products.", "Catalogue"),
    Permission(
        "products.manage",
        "Change products",
        "Make and change products and their module's configuration.",
        "Catalogue",
    ),
    Permission(
        "gateways.view",
        "See gateways",
        "Lists and pages of the ways to pay, without their secrets.",
        "Money",
    ),
    Permission(
        "gateways.manage",
        "Change gateways",
        "Make, configure, order, switch and delete ways to pay.",
        "Money",
    ),
    Permission(
        "tasks.view", "See tasks", "Lists and pages of tasks, their input and output.", "System"
    ),
    Permission("tasks.manage", "Steer tasks", "Retry and cancel tasks.", "System"),
    Permission(
        "schedule.view", "See the schedule", "What modules do by themselves, and when.", "System"
    ),
    Permission(
        "schedule.manage",
        "Steer the schedule",
        "Run, pause and resume what modules do by themselves.",
        "System",
    ),
    Permission(
        "modules.view", "See modules", "What is on disk, its status and its health.", "System"
    ),
    Permission(
        "modules.manage",
        "Switch modules",
        "Activate, update, deactivate and purge modules.",
        "System",
    ),
    Permission(
        "senders.view",
        "See senders",
        "Lists and pages of the channels that messages go out by, without their secrets.",
        "System",
    ),
    Permission(
        "senders.manage",
        "Change senders",
        "Make, configure, order, switch and delete senders, and send a test message.",
        "System",
    ),
    Permission(
        "module_log.view",
        "Read the module log",
        "What modules asked of providers and what they answered.",
        "System",
    ),
    Permission("audit.view", "Read the activity log", "Who did what, from where.", "System"),
    Permission(
        "staff.view", "See staff and roles", "Who works here and what they may do.", "System"
    ),
    Permission(
        "staff.manage",
        "Change staff and roles",
        "Make staff accounts and decide what each role allows.",
        "System",
    ),
    Permission(
        "health.view", "See health", "The state of database, queue, workers and schedule.", "System"
    ),
)


def module_permission(module_type: str, module_name: str, key: str) -> str:
    """Return the full key of a module's own permission, `Product-MyCloudService-view-servers`."""
    return f"{module_type}-{module_name}-{key}"


def allows(held: Collection[str], key: str) -> bool:
    """Return whether a set of held keys allows one."""
    return EVERYTHING in held or key in held
