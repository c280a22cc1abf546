"""Permissions of staff and of the users of clients, generated from tables of nouns.

A role grants keys such as `clients.view`, and each page requires one; the default is to deny.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from puqpanel.domain.texts import Text, _

EVERYTHING = "*"
VIEW, MANAGE = "view", "manage"

DASHBOARD_VIEW = "dashboard.view"
CLIENTS_VIEW = "clients.view"
CLIENTS_MANAGE = "clients.manage"
CLIENTS_USERS = "clients.users"
CLIENTS_IMPERSONATE = "clients.impersonate"
SERVICES_VIEW = "services.view"
SERVICES_MANAGE = "services.manage"
SERVICES_PROVISION = "services.provision"
SERVICES_TERMINATE = "services.terminate"
PRODUCTS_VIEW = "products.view"
PRODUCTS_MANAGE = "products.manage"
ORDERS_VIEW = "orders.view"
ORDERS_MANAGE = "orders.manage"
DOCUMENTS_VIEW = "documents.view"
DOCUMENTS_MANAGE = "documents.manage"
DOCUMENTS_ISSUE = "documents.issue"
PAYMENTS_VIEW = "payments.view"
PAYMENTS_MANAGE = "payments.manage"
COMPANIES_VIEW = "companies.view"
COMPANIES_MANAGE = "companies.manage"
GATEWAYS_VIEW = "gateways.view"
GATEWAYS_MANAGE = "gateways.manage"
CURRENCIES_VIEW = "currencies.view"
CURRENCIES_MANAGE = "currencies.manage"
TASKS_VIEW = "tasks.view"
TASKS_MANAGE = "tasks.manage"
SCHEDULE_VIEW = "schedule.view"
SCHEDULE_MANAGE = "schedule.manage"
MODULES_VIEW = "modules.view"
MODULES_MANAGE = "modules.manage"
SENDERS_VIEW = "senders.view"
SENDERS_MANAGE = "senders.manage"
MODULE_LOG_VIEW = "module_log.view"
AUDIT_VIEW = "audit.view"
STAFF_VIEW = "staff.view"
STAFF_MANAGE = "staff.manage"
SETTINGS_VIEW = "settings.view"
SETTINGS_MANAGE = "settings.manage"
HEALTH_VIEW = "health.view"
"""Permissions of staff, for guards and operations."""

CLIENT_PROFILE_VIEW = "profile.view"
CLIENT_PROFILE_MANAGE = "profile.manage"
CLIENT_USERS_VIEW = "users.view"
CLIENT_USERS_MANAGE = "users.manage"
CLIENT_SERVICES_VIEW = "services.view"
CLIENT_SERVICES_MANAGE = "services.manage"
CLIENT_BILLING_VIEW = "billing.view"
CLIENT_BILLING_MANAGE = "billing.manage"
CLIENT_ORDERS_VIEW = "orders.view"
CLIENT_ORDERS_MANAGE = "orders.manage"
CLIENT_SUPPORT_VIEW = "support.view"
CLIENT_SUPPORT_MANAGE = "support.manage"
"""Permissions of the users of a client, for their current client."""


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission that a role can grant.

    Args:
        key: stable identifier, `noun.action`; roles store it.
        name: the noun, or the name of a special permission.
        description: what it allows, in one sentence.
        group: heading in the role editor.
    """

    key: str
    name: Text | str
    description: Text | str
    group: Text | str

    @property
    def noun(self) -> str:
        """The part of the key before the action."""
        return self.key.rpartition(".")[0]

    @property
    def action(self) -> str:
        """The part of the key after the noun."""
        return self.key.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Noun:
    """A row of the table: something that staff or users view and manage.

    Args:
        key: first part of the keys.
        label: name of the row.
        group: heading of the row.
        view: what viewing allows, in one sentence.
        manage: what managing allows; None if there is nothing to manage.
        special: further permissions: action, name and description of each.
    """

    key: str
    label: Text
    group: Text | str
    view: Text
    manage: Text | None = None
    special: tuple[tuple[str, Text, Text], ...] = ()

    def permissions(self) -> list[Permission]:
        """Return the permissions of the row: view, manage, then the special ones."""
        actions = [(VIEW, self.label, self.view), (MANAGE, self.label, self.manage), *self.special]
        return [
            Permission(f"{self.key}.{action}", name, description, self.group)
            for action, name, description in actions
            if description
        ]


NOUNS: tuple[Noun, ...] = (
    Noun(
        "dashboard",
        _("Dashboard"),
        _("Overview"),
        _("View key figures, failed services and recent tasks."),
    ),
    Noun(
        "clients",
        _("Clients"),
        _("Customers"),
        _("View clients and their users."),
        _("Create and edit clients."),
        (
            (
                "users",
                _("Manage users of clients"),
                _("Add and remove users, set their passwords and permissions, end their sessions."),
            ),
            ("impersonate", _("View as client"), _("Open the client area as a user of a client.")),
        ),
    ),
    Noun(
        "services",
        _("Services"),
        _("Customers"),
        _("View services, without passwords."),
        _("Create services and edit their module settings."),
        (
            (
                "provision",
                _("Provision services"),
                _("Create, suspend, make idle, resume, change package and retry."),
            ),
            (
                "terminate",
                _("Terminate services"),
                _("Delete services at the provider, including their data."),
            ),
        ),
    ),
    Noun(
        "orders",
        _("Orders"),
        _("Customers"),
        _("View orders."),
        _("Place, accept and cancel orders, and mark orders as fraud."),
    ),
    Noun(
        "products",
        _("Products"),
        _("Catalog"),
        _("View products."),
        _("Create and edit products and their module configuration."),
    ),
    Noun(
        "documents",
        _("Documents"),
        _("Billing"),
        _("View invoices, proformas and credit notes."),
        _("Create and edit drafts."),
        (
            (
                "issue",
                _("Issue documents"),
                _("Issue invoices and credit notes, write off unpaid invoices, cancel proformas."),
            ),
        ),
    ),
    Noun(
        "payments",
        _("Payments"),
        _("Billing"),
        _("View payments, events of gateways and clients' credit balances."),
        _("Record, assign and refund payments, and pay invoices from credit."),
    ),
    Noun(
        "companies",
        _("Companies and taxes"),
        _("Billing"),
        _("View companies, number series and tax rates."),
        _("Edit companies, number series, tax rates and tax rules."),
    ),
    Noun(
        "gateways",
        _("Gateways"),
        _("Billing"),
        _("View payment gateways, without their secrets."),
        _("Create, configure, reorder, enable, disable and delete payment gateways."),
    ),
    Noun(
        "currencies",
        _("Currencies"),
        _("Billing"),
        _("View currencies and exchange rates."),
        _("Add, enable and disable currencies, set exchange rates and the base currency."),
    ),
    Noun(
        "tasks",
        _("Tasks"),
        _("System"),
        _("View tasks with their input and output."),
        _("Retry and cancel tasks."),
    ),
    Noun(
        "schedule",
        _("Schedule"),
        _("System"),
        _("View scheduled module jobs and their last runs."),
        _("Run, pause and resume scheduled module jobs."),
    ),
    Noun(
        "modules",
        _("Modules"),
        _("System"),
        _("View installed modules and their status."),
        _("Activate, update and deactivate modules, and delete their data."),
    ),
    Noun(
        "senders",
        _("Senders"),
        _("System"),
        _("View notification senders, without their secrets."),
        _("Create, configure, reorder, enable, disable and delete senders; send test messages."),
    ),
    Noun(
        "module_log",
        _("Module log"),
        _("System"),
        _("View requests from modules to providers, and the responses."),
    ),
    Noun(
        "audit",
        _("Activity log"),
        _("System"),
        _("View who did what, when and from which IP address."),
    ),
    Noun(
        "staff",
        _("Staff and roles"),
        _("System"),
        _("View staff accounts and roles."),
        _("Manage staff accounts and the permissions of roles."),
    ),
    Noun(
        "settings",
        _("Settings"),
        _("System"),
        _("View settings, without secrets."),
        _("Change the company's name and logo, the language, limits and retention."),
    ),
    Noun(
        "health",
        _("Health"),
        _("System"),
        _("View the state of the database, queue, workers and scheduler."),
    ),
)
CLIENT_NOUNS: tuple[Noun, ...] = (
    Noun(
        "profile",
        _("Profile"),
        _("Account"),
        _("View the name and address of the client."),
        _("Edit the name and address of the client."),
    ),
    Noun(
        "users",
        _("Users"),
        _("Account"),
        _("View the users of the client."),
        _("Add and remove users and edit their permissions."),
    ),
    Noun(
        "services",
        _("Services"),
        _("Services"),
        _("View services."),
        _("Use service tools, such as restarting or resetting a password."),
    ),
    Noun(
        "billing",
        _("Billing"),
        _("Billing"),
        _("View invoices, payments and the balance."),
        _("Pay invoices, add funds and manage payment methods."),
    ),
    Noun("orders", _("Orders"), _("Billing"), _("View orders."), _("Place and cancel orders.")),
    Noun(
        "support",
        _("Support"),
        _("Support"),
        _("View support requests."),
        _("Open and answer support requests."),
    ),
)
PANEL_PERMISSIONS: tuple[Permission, ...] = tuple(
    permission for noun in NOUNS for permission in noun.permissions()
)
CLIENT_PERMISSIONS: tuple[Permission, ...] = tuple(
    permission for noun in CLIENT_NOUNS for permission in noun.permissions()
)
PANEL_KEYS = frozenset(permission.key for permission in PANEL_PERMISSIONS)
CLIENT_KEYS = frozenset(permission.key for permission in CLIENT_PERMISSIONS)


def module_permission(module_type: str, module_name: str, key: str) -> str:
    """Return the full key of a module's permission, `Product-MyCloudService-view-servers`."""
    return f"{module_type}-{module_name}-{key}"


def with_implied(keys: Iterable[str], known: Collection[str] = PANEL_KEYS) -> frozenset[str]:
    """Return keys with those that they imply: every action on a noun implies viewing it.

    Args:
        keys: granted keys.
        known: the keys of the table; others, such as those of modules, imply nothing.
    """
    granted = frozenset(keys)
    implied = {f"{key.rpartition('.')[0]}.{VIEW}" for key in granted if key in known}
    return granted | implied


def allows(granted: Collection[str], key: str) -> bool:
    """Return whether a set of granted keys includes a permission."""
    return EVERYTHING in granted or key in granted
