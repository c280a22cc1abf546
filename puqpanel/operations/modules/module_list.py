"""Modules as staff see them: what is on disk beside what is recorded, and why one is held back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from puqpanel.domain.module_states import ModuleStatus, version_order
from puqpanel.host import discover
from puqpanel.host.contract.config import Config
from puqpanel.host.discover import Found
from puqpanel.infra.db import session
from puqpanel.models import Module, Product, Service
from puqpanel.operations.modules import syntax
from puqpanel.operations.modules.availability import version_mismatch

FAILED = "The update"
"""How the reason of an update that failed begins; it stands until one succeeds."""
ON = (ModuleStatus.ACTIVE, ModuleStatus.RESTRICTED, ModuleStatus.ERROR)


@dataclass(frozen=True, slots=True)
class Shown:
    """A module as staff see it: what is on disk beside what is recorded.

    Args:
        type, name: which.
        config: its config.py; empty where that cannot be read.
        status: where it stands.
        reason: why it is held back or refused, one sentence.
        disk: version on disk, empty when the folder is gone.
        recorded: version that was activated or updated to last.
        services: how many services depend on it.
        on: it is switched on, though it may be held back or refused; one that is off can be refused
            too.
    """

    type: str
    name: str
    config: Config
    status: ModuleStatus
    reason: str
    disk: str
    recorded: str
    services: int = 0
    on: bool = False

    @property
    def key(self) -> str:
        """`Product/MyCloudService`."""
        return f"{self.type}/{self.name}"

    @property
    def title(self) -> str:
        """What people call it."""
        return str(self.config("name") or self.name)


def list_modules(modules_dir: Path) -> list[Shown]:
    """Return everything on disk and everything recorded, by type and name."""
    rows = {row.key: row for row in session().scalars(sa.select(Module))}
    counts = (
        session()
        .execute(
            sa.select(Product.module, sa.func.count(Service.id))
            .join(Service, Service.product_id == Product.id)
            .where(Service.status.in_(("pending", "active", "suspended")))
            .group_by(Product.module)
        )
        .all()
    )
    used: dict[str, int] = {row[0]: row[1] for row in counts}
    shown = [
        _shown(found, rows.pop(found.key, None), used.get(found.key, 0))
        for found in discover.scan(modules_dir)
    ]
    for row in rows.values():
        if row.status != ModuleStatus.INACTIVE:
            shown.append(
                Shown(
                    row.type,
                    row.name,
                    Config(),
                    ModuleStatus.ERROR,
                    "Its folder is gone from the disk.",
                    "",
                    row.version,
                    used.get(row.key, 0),
                    True,
                )
            )
    return shown


def _shown(found: Found, row: Module | None, services: int) -> Shown:
    status = ModuleStatus(row.status) if row else ModuleStatus.INACTIVE
    reason, recorded = (row.reason, row.version) if row else ("", "")
    refused = found.error or (
        syntax.refusal(found.folder) if status == ModuleStatus.INACTIVE else ""
    )
    if refused:
        status, reason = ModuleStatus.ERROR, refused
    elif status == ModuleStatus.INACTIVE and reason:
        # what was said when somebody last tried it; “Load again” asks anew
        status = ModuleStatus.ERROR
    elif status in (ModuleStatus.ACTIVE, ModuleStatus.RESTRICTED) and version_order(
        found.version
    ) != version_order(recorded):
        told = (
            row.reason
            if row and status == ModuleStatus.RESTRICTED and row.reason.startswith(FAILED)
            else ""
        )
        status, reason = ModuleStatus.RESTRICTED, told or version_mismatch(found.version, recorded)
    elif status == ModuleStatus.ACTIVE and row and row.circuit_open_reason:
        status, reason = ModuleStatus.FAILING, row.circuit_open_reason
    on = row is not None and row.status in ON
    return Shown(
        found.type, found.name, found.config, status, reason, found.version, recorded, services, on
    )
