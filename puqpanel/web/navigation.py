"""The side bar and the top links, as data: who sees which entry is decided here and nowhere in
templates.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from flask import current_app, request, url_for
from werkzeug.routing import BuildError

from puqpanel.domain.module_states import ModuleStatus
from puqpanel.domain.service_states import ProvisionStatus
from puqpanel.domain.task_states import TaskStatus
from puqpanel.host import languages
from puqpanel.host.loaded import LoadedModule
from puqpanel.host.registry import Registry
from puqpanel.infra import clock, queue
from puqpanel.infra.db import session
from puqpanel.models.modules.modules import Module
from puqpanel.models.provisioning.services import Service
from puqpanel.models.system.heartbeats import Heartbeat
from puqpanel.models.system.tasks import Task
from puqpanel.operations.oversight.health import SILENT
from puqpanel.web.guard import can

CAP = 99
FRESH_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One link.

    Args:
        label: the word on it.
        icon: Font Awesome name.
        endpoint: where it leads; the entry is current on every page of the same blueprint.
        permission: who sees it.
        counts: the attribute of Attention shown as a pill.
        bad: the pill is red.
        active: further endpoints on which it is current.
        folder: of the module whose words the label is; it may have a translation.
        href, here, count: filled in for a page.
    """

    label: str
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
    """A few entries under one word."""

    label: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Attention:
    """What needs a person, capped at a hundred each; how many tasks run; how many workers live,
    and whether the queue server answers.
    """

    services: int = 0
    modules: int = 0
    tasks: int = 0
    running: int = 0
    workers: int = 0
    queue: bool = True


STAFF: tuple[Group, ...] = (
    Group("", (Entry("Dashboard", "gauge-high", "admin.dashboard.index", "dashboard.view"),)),
    Group(
        "Customers",
        (
            Entry("Clients", "users", "admin.clients.index", "clients.view"),
            Entry(
                "Services", "server", "admin.services.index", "services.view", "services", bad=True
            ),
        ),
    ),
    Group("Catalogue", (Entry("Products", "cubes", "admin.products.index", "products.view"),)),
    Group("Money", (Entry("Gateways", "credit-card", "admin.gateways.index", "gateways.view"),)),
    Group(
        "System",
        (
            Entry("Tasks", "list-check", "admin.tasks.index", "tasks.view", "tasks", bad=True),
            Entry("Schedule", "calendar-check", "admin.schedule.index", "schedule.view"),
            Entry("Modules", "puzzle-piece", "admin.modules.index", "modules.view", "modules"),
            Entry("Senders", "paper-plane", "admin.senders.index", "senders.view"),
            Entry("Module log", "scroll", "admin.module_log.index", "module_log.view"),
            Entry("Activity log", "clock-rotate-left", "admin.activity.index", "audit.view"),
            Entry("Staff and roles", "user-shield", "admin.staff.index", "staff.view"),
        ),
    ),
)
CUSTOMER: tuple[Entry, ...] = (
    Entry("Home", "house", "client.home.index"),
    Entry("Services", "server", "client.services.index"),
)


def attention() -> Attention:
    """What needs a person: one query, kept for a few seconds in each process so that pages do
    not all pay for it.
    """
    kept: tuple[float, Attention] | None = current_app.extensions.get("puqpanel-attention")
    now = time.monotonic()
    if kept and now - kept[0] < FRESH_SECONDS:
        return kept[1]

    def capped(
        model: type[Service | Task | Module | Heartbeat], *where: sa.ColumnElement[bool]
    ) -> sa.ScalarSelect[int]:
        some = sa.select(model.id).where(*where).limit(CAP + 1).subquery()
        return sa.select(sa.func.count()).select_from(some).scalar_subquery()

    lively = clock.now() - timedelta(seconds=SILENT)
    services, modules, tasks, running, workers = (
        session()
        .execute(
            sa.select(
                capped(
                    Service,
                    Service.provision_status.in_(
                        [ProvisionStatus.FAILED, ProvisionStatus.NOT_FOUND]
                    ),
                ),
                capped(
                    Module,
                    sa.or_(
                        Module.status.in_([ModuleStatus.RESTRICTED, ModuleStatus.ERROR]),
                        sa.and_(Module.status == ModuleStatus.ACTIVE, Module.failing != ""),
                    ),
                ),
                capped(Task, Task.status == TaskStatus.LOST),
                capped(Task, Task.status == TaskStatus.RUNNING),
                capped(Heartbeat, Heartbeat.kind == "worker", Heartbeat.at >= lively),
            )
        )
        .one()
    )
    found = Attention(services, modules, tasks, running, workers, queue.ping())
    current_app.extensions["puqpanel-attention"] = (now, found)
    return found


def _prepared(entries: Iterable[Entry], counts: Attention) -> tuple[Entry, ...]:
    ready = []
    current = (request.endpoint or "").rpartition(".")[0]
    for entry in entries:
        if entry.endpoint not in current_app.view_functions or (
            entry.permission and not can(entry.permission)
        ):
            continue
        number = getattr(counts, entry.counts) if entry.counts else 0
        pill = f"{CAP}+" if number > CAP else str(number or "")
        here = entry.here or entry.endpoint.rpartition(".")[0] == current
        ready.append(
            replace(entry, href=entry.href or url_for(entry.endpoint), here=here, count=pill)
        )
    return tuple(ready)


def staff_groups() -> list[Group]:
    """The side bar for the signed-in staff member: the panel's groups, then one for each module
    that has pages.
    """
    counts = attention()
    groups = [Group(group.label, _prepared(group.entries, counts)) for group in STAFF]
    groups.extend(
        Group(label, _module_entries(entries))
        for label, entries in current_app.extensions.get("puqpanel-module-links", ())
    )
    return [group for group in groups if group.entries]


def _module_entries(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    ready = []
    for entry in entries:
        if entry.permission and not can(entry.permission):
            continue
        try:
            href = url_for(entry.endpoint)
        except BuildError:
            # its address wants parameters: it can be linked to from a page, not from the side bar
            continue
        ready.append(
            replace(
                entry,
                label=languages.translate(entry.folder, entry.label),
                href=href,
                here=request.endpoint in entry.active,
            )
        )
    return tuple(ready)


def module_links(registry: Registry) -> list[tuple[str, tuple[Entry, ...]]]:
    """The side bar's part of the modules, made once for each app: title and entries of every
    module that has pages.
    """
    return [
        (
            module.title,
            tuple(
                Entry(
                    one.title,
                    one.icon or str(module.config("icon") or "puzzle-piece"),
                    f"{module.blueprint}.{one.endpoint}",
                    one.permission,
                    active=tuple(
                        f"{module.blueprint}.{endpoint}"
                        for endpoint in {one.endpoint, *one.active_endpoints}
                    ),
                    folder=module.folder,
                )
                for one in module.sidebar
            ),
        )
        for module in registry.modules.values()
        if module.sidebar
    ]


def module_home(module: LoadedModule) -> str:
    """The address of the first page of a module that the viewer may open; the list of modules
    where there is none.
    """
    links = dict(module_links(Registry(modules={module.key: module}))).get(module.title, ())
    return next((entry.href for entry in _module_entries(links)), url_for("admin.modules.index"))


def customer_links() -> tuple[Entry, ...]:
    """The customer's top links."""
    return _prepared(CUSTOMER, Attention())
