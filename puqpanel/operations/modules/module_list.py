"""The list of modules: installed files and database records, with status and reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from puqpanel.domain.module_states import ModuleStatus, version_order
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.domain.texts import Text, _
from puqpanel.host import discover, languages
from puqpanel.host.contract.config import Config
from puqpanel.host.discover import Found
from puqpanel.infra.db import find, session
from puqpanel.models import Module, Product, Service
from puqpanel.operations.modules import syntax
from puqpanel.operations.modules.availability import restriction

ON = (ModuleStatus.ACTIVE, ModuleStatus.RESTRICTED, ModuleStatus.ERROR)
ON_ROWS = sa.select(Module.type, Module.name).where(Module.status.in_(ON))
"""Type and name of the modules that are activated."""
USING = (ServiceStatus.PENDING, ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED)
"""Status of the services that depend on their module."""
MAX_NAMES = 200
"""Modules that are selected by name; of more, all rows are read."""
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """A module on the Modules page.

    Args:
        type: Product, Plugin, Payment or Notification.
        name: of folder and class.
        folder: its folder.
        config: its config.py; empty if it cannot be read.
        status: shown status.
        reason: why it is unavailable, in one sentence.
        disk: installed version; empty if the folder is missing.
        recorded: version last activated or updated to.
        services: number of services that depend on it.
        on: whether staff activated it, even if it cannot be loaded now.
    """

    type: str
    name: str
    folder: Path
    config: Config
    status: ModuleStatus
    reason: Text | str
    disk: str
    recorded: str
    services: int = 0
    on: bool = False

    @property
    def key(self) -> str:
        """`Product/MyCloudService`."""
        return f"{self.type}/{self.name}"

    @property
    def outdated(self) -> bool:
        """Whether the files are older than the version that is active, so that none is offered."""
        return version_order(self.disk) < version_order(self.recorded)

    @property
    def title(self) -> str:
        """Display name, in the viewer's language."""
        return languages.translate(self.folder, str(self.config("name") or self.name))

    @property
    def description(self) -> str:
        """What it does, in the viewer's language."""
        return languages.translate(self.folder, str(self.config("description") or ""))


def lock_module(module_type: str, name: str) -> Module:
    """Return the locked record of a module, adding it if missing. Needs a transaction."""
    query = sa.select(Module).where(Module.type == module_type, Module.name == name)
    row = session().scalar(query.with_for_update().execution_options(populate_existing=True))
    if row is None:
        row = Module(type=module_type, name=name, status=ModuleStatus.INACTIVE)
        session().add(row)
    return row


def list_modules(modules_dir: Path) -> list[Shown]:
    """Return all installed and all active modules, by type and name. Reads every folder."""
    folders = discover.folders(modules_dir)
    active = [(row.type, row.name) for row in session().execute(ON_ROWS)]
    return describe(modules_dir, folders, dict.fromkeys([*folders, *active]))


def describe(modules_dir: Path, folders: Mapping[Key, Path], keys: Collection[Key]) -> list[Shown]:
    """Return some modules in the given order, read from their folders as they are now.

    Args:
        modules_dir: holds a folder for each type.
        folders: those that exist, by type and name.
        keys: type and name of the modules; left out are those that have no folder and are not
            active.
    """
    rows = {(row.type, row.name): row for row in session().scalars(_rows_of(keys))}
    used = _services(keys)
    shown = []
    for key in keys:
        row, services = rows.get(key), used.get("/".join(key), 0)
        if key in folders:
            shown.append(_shown(discover.look(folders[key], *key), row, services))
        elif row is not None and row.status != ModuleStatus.INACTIVE:
            shown.append(_without_folder(modules_dir, row, services))
    return shown


def find_shown(modules_dir: Path, module_type: str, name: str) -> Shown | None:
    """Return one module; None if it is neither installed nor active."""
    key = (module_type, name)
    return next(iter(describe(modules_dir, discover.folders(modules_dir), [key])), None)


def _rows_of(keys: Collection[Key]) -> sa.Select[Module]:
    query = sa.select(Module)
    if len(keys) > MAX_NAMES:
        return query
    return query.where(Module.name.in_({name for _type, name in keys}))


def _services(keys: Collection[Key]) -> dict[str, int]:
    """Return the number of services that depend on each module, by its key."""
    query = (
        sa.select(Product.module, sa.func.count(Service.id))
        .join(Service, Service.product_id == Product.id)
        .where(Service.status.in_(USING))
        .group_by(Product.module)
    )
    if len(keys) <= MAX_NAMES:
        query = query.where(Product.module.in_(["/".join(key) for key in keys]))
    return dict(session().execute(query).all())


def _without_folder(modules_dir: Path, row: Module, services: int) -> Shown:
    return Shown(
        row.type,
        row.name,
        modules_dir / row.type / row.name,
        Config(),
        ModuleStatus.ERROR,
        _("Its folder is missing."),
        disk="",
        recorded=row.version,
        services=services,
        on=True,
    )


def _shown(found: Found, row: Module | None, services: int) -> Shown:
    status = ModuleStatus(row.status) if row else ModuleStatus.INACTIVE
    reason, recorded = (row.reason, row.version) if row else ("", "")
    refused = found.error or (
        syntax.refusal(found.folder) if status == ModuleStatus.INACTIVE else ""
    )
    if refused:
        status, reason = ModuleStatus.ERROR, refused
    elif status == ModuleStatus.INACTIVE and reason:
        # the result of the last attempt to load it
        status = ModuleStatus.ERROR
    elif status in (ModuleStatus.ACTIVE, ModuleStatus.RESTRICTED) and version_order(
        found.version
    ) != version_order(recorded):
        reason = restriction(row, found.version)[1] if row else ""
        status = ModuleStatus.RESTRICTED
    elif status == ModuleStatus.ACTIVE and row and row.circuit_open_reason:
        status, reason = ModuleStatus.FAILING, row.circuit_open_reason
    on = row is not None and row.status in ON
    return Shown(
        found.type,
        found.name,
        found.folder,
        found.config,
        status,
        reason,
        found.version,
        recorded,
        services,
        on,
    )


def find_module(module_type: str, name: str) -> Module:
    """Return the record of a module.

    Raises:
        NotFoundError: it was never activated.
    """
    query = sa.select(Module).where(Module.type == module_type, Module.name == name)
    return find(
        query.execution_options(populate_existing=True),
        _("%(module)s was never activated.", module="/".join((module_type, name))),
    )
