"""Activate, update, deactivate and purge modules, in every process at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, UserError
from puqpanel.domain.module_states import ModuleProblem, ModuleStatus, version_order
from puqpanel.domain.permissions import MODULES_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _
from puqpanel.host import calls, discover
from puqpanel.host.contract.refusal import Refused
from puqpanel.host.contract.result import Result
from puqpanel.host.loaded import LoadedModule
from puqpanel.host.loader import load_module, unload
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction, write
from puqpanel.infra.events import raise_event
from puqpanel.infra.redact import redact_message
from puqpanel.models import Module, Product, ScheduleEntry, Service
from puqpanel.operations.modules import generation, loading, parking
from puqpanel.operations.modules.availability import NO_REASON
from puqpanel.operations.modules.module_list import ON, find_module, lock_module
from puqpanel.operations.system import audit


def activate(*, actor: Principal, modules_dir: Path, module_type: str, name: str) -> Result:
    """Activate a module: load it, call `activate()`, then serve it in every process.

    Raises:
        UserError: it cannot be loaded or its `activate()` failed; the status is unchanged.
    """
    actor.require(MODULES_MANAGE)
    return _switch(actor, modules_dir, module_type, name, "activate")


def update(*, actor: Principal, modules_dir: Path, module_type: str, name: str) -> Result:
    """Update a module to the version on disk: call `update()`, then serve it everywhere.

    Raises:
        UserError: as for `activate`, or the version on disk is older than the recorded one.
    """
    actor.require(MODULES_MANAGE)
    row = find_module(module_type, name)
    found = discover.look(modules_dir / module_type / name, module_type, name)
    if not found.error and version_order(found.version) < version_order(row.version):
        raise ConflictError(
            _(
                "The installed files are version %(version)s, older than the active version "
                "%(version_2)s; restore the newer files.",
                version=found.version,
                version_2=row.version,
            )
        )
    return _switch(actor, modules_dir, module_type, name, "update")


def deactivate(*, actor: Principal, modules_dir: Path, module_type: str, name: str) -> Result:
    """Deactivate a module: call `deactivate()`, then stop serving it in every process.

    Its data stays, unless its own method drops it.

    Raises:
        UserError: its `deactivate()` failed.
    """
    actor.require(MODULES_MANAGE)
    row = find_module(module_type, name)
    if row.status == ModuleStatus.INACTIVE:
        return Result.success(message=str(_("The module is already inactive.")))
    # a module that cannot be loaded is deactivated without its deactivate()
    with contextlib.suppress(Refused), _loaded(modules_dir, row) as module:
        result = _lifecycle(module, "deactivate", actor)
        if not result.ok:
            raise ConflictError(
                _("%(name)s was not deactivated: %(message)s", name=name, message=result.message)
            )
    with transaction():
        row = find_module(module_type, name)
        row.status, row.problem, row.reason = ModuleStatus.INACTIVE, ModuleProblem.NONE, NO_REASON
        generation.bump()
        audit.record(
            actor=actor,
            action="module.deactivated",
            subject_type="module",
            subject_uuid=row.key,
            summary=_("%(name)s deactivated.", name=name),
        )
        raise_event("module.deactivated", {"module": row.key})
    return Result.success()


def purge(*, actor: Principal, modules_dir: Path, module_type: str, name: str) -> None:
    """Drop the tables of an inactive module, with all their data.

    Raises:
        ConflictError: it is active, or it still has services.
    """
    actor.require(MODULES_MANAGE)
    row = find_module(module_type, name)
    if row.status != ModuleStatus.INACTIVE:
        raise ConflictError(_("Deactivate the module first."))
    alive = session().scalar(
        sa.select(Service.id)
        .join(Product)
        .where(Product.module == row.key, Service.status.in_(("active", "suspended")))
        .limit(1)
    )
    if alive is not None:
        raise ConflictError(_("This module still has services; terminate them first."))
    from puqpanel.host import migrations  # imports Alembic

    try:
        with _loaded(modules_dir, row) as module:
            migrations.downgrade(module.folder, module.prefix)
    except Refused as refusal:
        raise ConflictError(
            _(
                "The tables of %(name)s could not be dropped: %(refusal)s",
                name=name,
                refusal=refusal,
            )
        ) from None
    with transaction() as current:
        row = find_module(module_type, name)
        current.execute(sa.delete(ScheduleEntry).where(ScheduleEntry.module == row.key))
        current.delete(row)
        audit.record(
            actor=actor,
            action="module.purged",
            subject_type="module",
            subject_uuid=row.key,
            summary=_("Data of %(name)s deleted.", name=name),
        )


@contextlib.contextmanager
def _loaded(modules_dir: Path, row: Module) -> Iterator[LoadedModule]:
    """Load a module and unload it at the end.

    Raises:
        Refused: it cannot be loaded.
    """
    folder = modules_dir / row.type / row.name
    module = load_module(folder, row.type, row.name, row.version)
    try:
        yield module
    finally:
        unload(module.package)


def _switch(
    actor: Principal, modules_dir: Path, module_type: str, name: str, method: str
) -> Result:
    recorded = (
        session().scalar(
            sa.select(Module.version).where(Module.type == module_type, Module.name == name)
        )
        or ""
    )
    for other in session().scalars(
        sa.select(Module).where(Module.type == module_type, Module.status.in_(ON))
    ):
        if other.name != name and other.name.lower() == name.lower():
            raise ConflictError(
                _(
                    "%(name)s and %(name_2)s differ only in case, so they would share database "
                    "tables; rename one.",
                    name=name,
                    name_2=other.name,
                )
            )
    try:
        module = load_module(modules_dir / module_type / name, module_type, name, recorded)
    except Refused as refusal:
        loading.refuse(module_type, name, str(refusal))
    try:
        result = _lifecycle(module, method, actor)
        if not result.ok:
            if method == "update":
                _remember_failure(module, result.message)
            raise UserError(
                _(
                    "%(title)s was not activated: %(message)s",
                    title=module.title,
                    message=result.message,
                )
                if method == "activate"
                else _(
                    "%(title)s was not updated: %(message)s",
                    title=module.title,
                    message=result.message,
                )
            )
        with transaction():
            # first, so that a concurrent activation waits here and then finds the row
            generation.bump()
            row = lock_module(module_type, name)
            before = row.version
            row.status, row.problem, row.reason = ModuleStatus.ACTIVE, ModuleProblem.NONE, NO_REASON
            row.version, row.activated_at = module.version, now()
            row.failure_count, row.crashed_files = 0, ""
            row.circuit_open_reason, row.circuit_opened_at = NO_REASON, None
            parking.unpark(module.key)
            audit.record(
                actor=actor,
                action=f"module.{method}d",
                subject_type="module",
                subject_uuid=module.key,
                summary=(
                    _("%(name)s %(version)s activated.", name=name, version=module.version)
                    if method == "activate"
                    else _("%(name)s updated to %(version)s.", name=name, version=module.version)
                ),
                before={"version": before},
                after={"version": module.version},
            )
            raise_event(f"module.{method}d", {"module": module.key, "version": module.version})
    finally:
        unload(module.package)
    return result


def _remember_failure(module: LoadedModule, message: Text | str) -> None:
    """Record why an update failed."""
    write(
        sa.update(Module)
        .where(
            Module.type == module.type,
            Module.name == module.name,
            Module.status.in_((ModuleStatus.ACTIVE, ModuleStatus.RESTRICTED)),
        )
        .values(
            status=ModuleStatus.RESTRICTED,
            problem=ModuleProblem.UPDATE_FAILED,
            reason=redact_message(
                _(
                    "The update to %(version)s failed: %(message)s",
                    version=module.version,
                    message=message,
                )
            ),
        )
    )


def _lifecycle(module: LoadedModule, method: str, actor: Principal) -> Result:
    called = calls.invoke(calls.Call(module, method, actor=actor))
    return called.result if called.error else Result.of_lifecycle(called.value, method)
