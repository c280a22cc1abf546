"""The sidebar, the client area's links and breadcrumbs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from flask import current_app, request, url_for
from werkzeug.routing import BuildError

from puqpanel.domain.permissions import (
    AUDIT_VIEW,
    CLIENT_BILLING_VIEW,
    CLIENT_PROFILE_VIEW,
    CLIENT_SERVICES_VIEW,
    CLIENT_USERS_VIEW,
    CLIENTS_VIEW,
    COMPANIES_VIEW,
    CURRENCIES_VIEW,
    DASHBOARD_VIEW,
    DOCUMENTS_VIEW,
    GATEWAYS_VIEW,
    MODULE_LOG_VIEW,
    MODULES_VIEW,
    ORDERS_VIEW,
    PAYMENTS_VIEW,
    PRODUCTS_VIEW,
    SCHEDULE_VIEW,
    SENDERS_VIEW,
    SERVICES_VIEW,
    SETTINGS_VIEW,
    STAFF_VIEW,
    TASKS_VIEW,
)
from puqpanel.domain.texts import Text, _
from puqpanel.host import languages
from puqpanel.host.loaded import LoadedModule
from puqpanel.host.registry import Registry
from puqpanel.models import (
    Client,
    Product,
    Service,
)
from puqpanel.operations.ordering import shop
from puqpanel.operations.system import settings
from puqpanel.web.attention import CAP, Attention, attention
from puqpanel.web.guard import can

MODULE_GROUPS = 20
"""Modules whose pages are in the sidebar, besides the current one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A navigation link.

    Args:
        label: the link text.
        icon: a Font Awesome name.
        endpoint: the target; the link is current on all pages of the same blueprint.
        permission: the permission that shows the link.
        counts: the attribute of Attention shown as a badge.
        bad: whether the badge is red.
        active: other blueprints on whose pages the link is current; endpoints, for a module's.
        folder: the folder of the module that translates the label.
        href: the URL, set when a page is rendered.
        here: whether the link is current, set when a page is rendered.
        count: the text of the badge, set when a page is rendered.
    """

    label: Text | str
    icon: str
    endpoint: str
    permission: str = ""
    counts: str = ""
    bad: bool = False
    active: tuple[str, ...] = ()
    folder: Path | None = None
    href: str = ""
    here: bool = False
    count: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Links under a heading."""

    label: Text | str
    entries: tuple[Entry, ...]


ModuleLinks = tuple[LoadedModule, tuple[Entry, ...]]


STAFF: tuple[Group, ...] = (
    Group("", (Entry(_("Dashboard"), "gauge-high", "admin.dashboard.index", DASHBOARD_VIEW),)),
    Group(
        _("Customers"),
        (
            Entry(
                _("Clients"),
                "users",
                "admin.clients.index",
                CLIENTS_VIEW,
                active=("admin.vat_numbers", "admin.address_book"),
            ),
            Entry(
                _("Services"),
                "server",
                "admin.services.index",
                SERVICES_VIEW,
                "services",
                bad=True,
                active=("admin.provisioning",),
            ),
            Entry(
                _("Orders"),
                "cart-shopping",
                "admin.orders.index",
                ORDERS_VIEW,
                "orders",
                active=("admin.order_drafts", "admin.order_acceptance", "admin.offers"),
            ),
            Entry(
                _("Differences"),
                "code-compare",
                "admin.differences.index",
                SERVICES_VIEW,
                "differences",
            ),
        ),
    ),
    Group(
        _("Catalog"),
        (
            Entry(
                _("Products"),
                "cubes",
                "admin.products.index",
                PRODUCTS_VIEW,
                active=("admin.prices",),
            ),
            Entry(_("Product groups"), "layer-group", "admin.product_groups.index", PRODUCTS_VIEW),
            Entry(_("Option groups"), "sliders", "admin.options.index", PRODUCTS_VIEW),
            Entry(_("Coupons"), "ticket", "admin.coupons.index", PRODUCTS_VIEW),
        ),
    ),
    Group(
        _("Billing"),
        (
            Entry(
                _("Documents"),
                "file-invoice",
                "admin.documents.index",
                DOCUMENTS_VIEW,
                active=("admin.drafts",),
            ),
            Entry(
                _("Payments"),
                "money-bill-transfer",
                "admin.payments.index",
                PAYMENTS_VIEW,
                "payments",
                active=(
                    "admin.payment_events",
                    "admin.parked_payments",
                    "admin.payouts",
                    "admin.refunds",
                    "admin.reconciliation",
                ),
            ),
            Entry(_("Forecast"), "chart-line", "admin.forecast.index", DOCUMENTS_VIEW),
            Entry(_("Companies"), "building", "admin.companies.index", COMPANIES_VIEW),
            Entry(_("Tax rates"), "percent", "admin.tax_rates.index", COMPANIES_VIEW),
            Entry(_("Gateways"), "credit-card", "admin.gateways.index", GATEWAYS_VIEW),
            Entry(_("Currencies"), "coins", "admin.currencies.index", CURRENCIES_VIEW),
        ),
    ),
    Group(
        _("System"),
        (
            Entry(_("Tasks"), "list-check", "admin.tasks.index", TASKS_VIEW, "tasks", bad=True),
            Entry(
                _("Schedule"),
                "calendar-check",
                "admin.schedule.index",
                SCHEDULE_VIEW,
                active=("admin.stopped_runs",),
            ),
            Entry(_("Modules"), "puzzle-piece", "admin.modules.index", MODULES_VIEW, "modules"),
            Entry(_("Senders"), "paper-plane", "admin.senders.index", SENDERS_VIEW),
            Entry(_("Module log"), "scroll", "admin.module_log.index", MODULE_LOG_VIEW),
            Entry(_("Activity log"), "clock-rotate-left", "admin.activity.index", AUDIT_VIEW),
            Entry(_("Staff and roles"), "user-shield", "admin.staff.index", STAFF_VIEW),
            Entry(_("Settings"), "gear", "admin.settings.index", SETTINGS_VIEW),
        ),
    ),
)
SECTIONS = {
    "clients": _("Clients"),
    "coupons": _("Coupons"),
    "currencies": _("Currencies"),
    "options": _("Option groups"),
    "product_groups": _("Product groups"),
    "products": _("Products"),
    "services": _("Services"),
    "staff": _("Staff"),
}
"""Blueprint of the staff area → the label of its breadcrumb."""
CUSTOMER: tuple[Entry, ...] = (
    Entry(_("Home"), "house", "client.home.index"),
    Entry(_("Services"), "server", "client.services.index", CLIENT_SERVICES_VIEW),
    Entry(
        _("Invoices"),
        "file-invoice",
        "client.documents.index",
        CLIENT_BILLING_VIEW,
        active=(
            "client.payments",
            "client.funds",
            "client.statements",
            "client.calendar",
            "client.prepaid",
        ),
    ),
    Entry(_("Addresses"), "address-book", "client.address_book.index", CLIENT_PROFILE_VIEW),
    Entry(_("Users"), "users", "client.users.index", CLIENT_USERS_VIEW),
    Entry(
        _("Shop"),
        "cart-shopping",
        "shop.products.index",
        active=("shop.cart", "shop.checkout"),
    ),
)


def _links(entries: Iterable[Entry], counts: Attention) -> tuple[Entry, ...]:
    """Return the entries the viewer may open, with what depends on the current page."""
    links = []
    current = (request.endpoint or "").rpartition(".")[0]
    for entry in entries:
        if entry.permission and not can(entry.permission):
            continue
        try:
            href = url_for(entry.endpoint)
        except BuildError:
            # the URL of a module's page has parameters, so the sidebar cannot link to it
            continue
        number = getattr(counts, entry.counts) if entry.counts else 0
        label, here = entry.label, current in (entry.endpoint.rpartition(".")[0], *entry.active)
        if entry.folder:
            label = languages.translate(entry.folder, entry.label)
            here = request.endpoint in entry.active
        count = f"{CAP}+" if number > CAP else str(number or "")
        links.append(replace(entry, label=label, href=href, here=here, count=count))
    return tuple(links)


def staff_groups() -> list[Group]:
    """Return all pages the signed-in staff member may open: the panel's, then the modules'."""
    counts = attention()
    groups = [Group(group.label, _links(group.entries, counts)) for group in STAFF]
    return [group for group in (*groups, *_module_groups()) if group.entries]


def sidebar() -> list[Group]:
    """Return the groups of the sidebar: of many modules those of the first, and the current one."""
    groups = staff_groups()
    if len(groups) <= len(STAFF) + MODULE_GROUPS:
        return groups
    shown, others = groups[: len(STAFF) + MODULE_GROUPS], groups[len(STAFF) + MODULE_GROUPS :]
    shown += [group for group in others if any(entry.here for entry in group.entries)]
    more = Entry(_("All modules"), "ellipsis", "admin.modules.index", MODULES_VIEW)
    return [*shown, Group("", tuple(replace(e, here=False) for e in _links([more], Attention())))]


def _module_groups() -> list[Group]:
    modules: list[ModuleLinks] = current_app.extensions["puqpanel-module-links"]
    return [Group(module.title, _links(entries, Attention())) for module, entries in modules]


def module_links(registry: Registry) -> list[ModuleLinks]:
    """Return every module with pages and its sidebar entries; built once per app."""
    return [
        (module, _module_entries(module)) for module in registry.modules.values() if module.sidebar
    ]


def _module_entries(module: LoadedModule) -> tuple[Entry, ...]:
    return tuple(
        Entry(
            item.title,
            item.icon or str(module.config("icon") or "puzzle-piece"),
            f"{module.blueprint}.{item.endpoint}",
            item.permission,
            active=tuple(
                f"{module.blueprint}.{endpoint}"
                for endpoint in {item.endpoint, *item.active_endpoints}
            ),
            folder=module.folder,
        )
        for item in module.sidebar
    )


def module_home(module: LoadedModule) -> str:
    """Return the URL of a module's first page the viewer may open, or else of the module list."""
    links = _links(_module_entries(module), Attention())
    return links[0].href if links else url_for("admin.modules.index")


def crumbs(section: str, entity: Client | Product | Service | None = None) -> list[tuple[str, str]]:
    """Return the label and URL of each page above the current one.

    Args:
        section: the name of a blueprint of the staff area, `clients`.
        entity: the one of the section that the current page belongs to.
    """
    links = [(str(SECTIONS[section]), url_for(f"admin.{section}.index"))]
    if entity is not None:
        links.append((entity.name, url_for(f"admin.{section}.show", uuid=entity.uuid)))
    return links


def visitor_links() -> list[tuple[Text, str]]:
    """Return label and URL of where visitors without an account can go from the sign-in page."""
    links = []
    if shop.sells():
        links.append((_("Go to the shop"), url_for("shop.products.index")))
    if settings.get("shop.registration"):
        links.append((_("Create account"), url_for("client.registration.create")))
    return links


def customer_links() -> tuple[Entry, ...]:
    """Return the links of the client area."""
    return _links(CUSTOMER, Attention())
