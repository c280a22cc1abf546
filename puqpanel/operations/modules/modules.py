"""Activate, update and deactivate modules in every process at once.

The database holds the set of active modules and its number, the generation. A process that sees a
new generation rebuilds its app.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from puqpanel.domain.errors import ConflictError, UserError
from puqpanel.domain.module_states import ModuleProblem, ModuleStatus, version_order
from puqpanel.domain.principals import Principal
from puqpanel.domain.task_states import TaskStatus
from puqpanel.domain.texts import Text, _, verbatim
from puqpanel.host import calls, discover, edits, migrations
from puqpanel.host.containment import probe
from puqpanel.host.contract.refusal import Refused
from puqpanel.host.contract.result import Result
from puqpanel.host.loaded import LoadedModule
from puqpanel.host.loader import load_module, unload
from puqpanel.host.registry import Registry
from puqpanel.infra import queue
from puqpanel.infra.clock import now
from puqpanel.infra.db import after_commit, find, session, transaction, write
from puqpanel.infra.events import raise_event
from puqpanel.infra.redact import redact_message
from puqpanel.models import Generation, Module, Product, ScheduleEntry, Service, Task
from puqpanel.operations.modules import breaker, crashes
from puqpanel.operations.modules.availability import version_mismatch
from puqpanel.operations.modules.module_list import ON, lock_module
from puqpanel.operations.system import audit

NO_REASON = verbatim("")
HINT = "generation"
MIN_PARKED_SECONDS = 15
"""Minimum time that a task stays parked: a process with the previous app could park it again."""


def wanted() -> list[tuple[str, str, str]]:
    """Return type, name and recorded version of every active module."""
    return [
        (row.type, row.name, row.version)
        for row in session().scalars(
            sa.select(Module).where(Module.status.in_(ON)).order_by(Module.type, Module.name)
        )
    ]


def generation() -> int:
    """Return the number of the current set of modules, from the database."""
    return session().scalar(sa.select(Generation.number)) or 0


def activate(*, actor: Principal, modules_dir: Path, module_type: str, name: str) -> Result:
    """Activate a module: load it, call `activate()`, then serve it in every process.

    Raises:
        UserError: it cannot be loaded or its `activate()` failed; the status is unchanged.
    """
    return _switch(actor, modules_dir, module_type, name, "activate")


def update(*, actor: Principal, modules_dir: Path, module_type: str, name: str) -> Result:
    """Update a module to the version on disk: call `update()`, then serve it everywhere.

    Raises:
        UserError: as for `activate`, or the version on disk is older than the recorded one.
    """
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
        bump()
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


def record_load(registry: Registry) -> None:
    """Record which modules loaded when an app was built.

    Modules that failed to load become errors, changed ones restricted, the rest active.
    """
    for row in session().scalars(sa.select(Module).where(Module.status.in_(ON))).all():
        loaded = registry.modules.get(row.key)
        state: tuple[str, str, Text] = (row.status, row.problem, row.reason)
        if row.key in registry.refused:
            crashed = row.problem == ModuleProblem.CRASHED and row.crashed_files
            problem = ModuleProblem.CRASHED if crashed else ModuleProblem.NOT_LOADED
            state = (ModuleStatus.ERROR, problem, verbatim(registry.refused[row.key]))
        elif loaded is not None and not loaded.restricted:
            state = (ModuleStatus.ACTIVE, ModuleProblem.NONE, NO_REASON)
        elif loaded is not None and row.problem == ModuleProblem.UPDATE_FAILED:
            state = (ModuleStatus.RESTRICTED, row.problem, row.reason)
        elif loaded is not None:
            reason = version_mismatch(loaded.version, row.version)
            state = (ModuleStatus.RESTRICTED, ModuleProblem.OTHER_VERSION, reason)
        if (row.status, row.problem, row.reason) != state:
            # only an unchanged row: the module may have been deactivated or updated meanwhile
            write(
                sa.update(Module)
                .where(
                    Module.id == row.id,
                    Module.status == row.status,
                    Module.version == row.version,
                )
                .values(status=state[0], problem=state[1], reason=state[2])
            )


def rescan(modules_dir: Path) -> int:
    """Compare the installed modules with the active ones, and reload those that changed.

    Returns:
        The number of modules that changed.
    """
    changed = 0
    for row in session().scalars(sa.select(Module).where(Module.status.in_(ON))):
        found = discover.look(modules_dir / row.type / row.name, row.type, row.name)
        match = not found.error and version_order(found.version) == version_order(row.version)
        fixed = (
            row.status == ModuleStatus.ERROR
            and row.crashed_files
            and row.crashed_files != edits.fingerprint(modules_dir / row.type / row.name)
        )
        if (
            fixed
            or (row.status == ModuleStatus.ACTIVE and not match)
            or (row.status == ModuleStatus.RESTRICTED and (match or found.error))
        ):
            changed += 1
    if changed:
        with transaction():
            bump()
    return changed


def count_crashes(modules_dir: Path, instance: Path) -> None:
    """Count the crashes of this host's processes, and unload modules that caused several."""
    if crashes.process_markers(modules_dir, instance):
        with transaction():
            bump()


def prove(modules_dir: Path, module_type: str, name: str) -> None:
    """Load a module in a process of its own, before this one tries it.

    Raises:
        UserError: it cannot be loaded, hung or crashed that process; the reason is saved for the
            Modules page.
    """
    refusal = probe.probe(modules_dir / module_type / name, module_type, name)
    if refusal:
        _refuse(module_type, name, refusal)


def reload(*, actor: Principal, modules_dir: Path, module_type: str, name: str) -> None:
    """Reload a module after its files were fixed.

    An active module is reloaded in every process; an inactive one is loaded once as a test.

    Raises:
        UserError: it is inactive and still cannot be loaded; the reason is saved for the Modules
            page.
    """
    row = session().scalar(sa.select(Module).where(Module.type == module_type, Module.name == name))
    if row is None or row.status not in ON:
        _try_load(modules_dir, module_type, name)
        return
    with transaction():
        row = find_module(module_type, name)
        row.failure_count, row.crashed_files = 0, ""
        row.circuit_open_reason, row.circuit_opened_at = NO_REASON, None
        bump()
        audit.record(
            actor=actor,
            action="module.reloaded",
            subject_type="module",
            subject_uuid=row.key,
            summary=_("%(name)s reloaded.", name=name),
        )


def _try_load(modules_dir: Path, module_type: str, name: str) -> None:
    try:
        unload(load_module(modules_dir / module_type / name, module_type, name).package)
    except Refused as refusal:
        _refuse(module_type, name, str(refusal))
    with transaction() as current:
        current.execute(
            sa.update(Module)
            .where(
                Module.type == module_type,
                Module.name == name,
                Module.status == ModuleStatus.INACTIVE,
            )
            .values(problem=ModuleProblem.NONE, reason="", crashed_files="")
        )


@transaction()
def resume(*, actor: Principal, module_type: str, name: str) -> None:
    """Close a module's circuit breaker and re-enqueue its parked tasks.

    Raises:
        ConflictError: the circuit breaker is not open.
    """
    find_module(module_type, name)
    row = lock_module(module_type, name)
    if not row.circuit_open_reason:
        raise ConflictError(
            _("The circuit breaker of this module is closed, so there is nothing to resume.")
        )
    before = row.circuit_open_reason
    row.circuit_open_reason, row.circuit_opened_at, row.failure_count = NO_REASON, None, 0
    audit.record(
        actor=actor,
        action="module.resumed",
        subject_type="module",
        subject_uuid=row.key,
        summary=_("%(name)s resumed.", name=row.name),
        before={"failing": before},
    )
    unpark(row.key)


def bump() -> None:
    """Increment the generation. Needs a transaction; concurrent changes are serialized by it."""
    query = sa.select(Generation).with_for_update().execution_options(populate_existing=True)
    row = session().scalars(query).one()
    row.number += 1
    number = row.number
    session().flush()
    after_commit(lambda: queue.put_hint(HINT, str(number)))


def unpark(key: str, *conditions: sa.ColumnElement[bool]) -> int:
    """Re-enqueue the parked tasks of a module.

    Args:
        key: the module's key.
        conditions: select some of the tasks.

    Returns:
        The number of tasks.
    """
    # one statement, because there may be very many
    return write(
        sa.update(Task)
        .where(Task.module == key, Task.status == TaskStatus.PARKED, *conditions)
        .values(status=TaskStatus.QUEUED, run_at=now(), dispatched_at=None, ended_at=None)
    )


def unpark_served() -> int:
    """Re-enqueue parked tasks whose module is available again, and trials that are due.

    Covers tasks that were parked during an activation, modules that were fixed on disk, and modules
    whose circuit breaker has closed. Of a module whose breaker is open, the oldest task is
    re-enqueued as a trial.

    Returns:
        The number of tasks.
    """
    parked = (
        sa.select(Task.module, sa.func.min(Task.id))
        .join(Module, Module.type + "/" + Module.name == Task.module)
        .where(
            Task.status == TaskStatus.PARKED,
            Task.ended_at < now() - timedelta(seconds=MIN_PARKED_SECONDS),
            Module.status == ModuleStatus.ACTIVE,
        )
        .group_by(Task.module)
    )
    available = session().execute(parked.where(Module.circuit_open_reason == "")).all()
    other = aliased(Task)
    busy = sa.exists().where(
        other.module == Task.module, other.status.in_((TaskStatus.QUEUED, TaskStatus.RUNNING))
    )
    on_trial = session().execute(parked.where(breaker.trial_is_due(), ~busy)).all()
    count = sum(unpark(key) for key, _ in available)
    return count + sum(unpark(key, Task.id == oldest) for key, oldest in on_trial)


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
        _refuse(module_type, name, str(refusal))
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
            bump()  # first, so that a concurrent activation waits here and then finds the row
            row = lock_module(module_type, name)
            before = row.version
            row.status, row.problem, row.reason = ModuleStatus.ACTIVE, ModuleProblem.NONE, NO_REASON
            row.version, row.activated_at = module.version, now()
            row.failure_count, row.crashed_files = 0, ""
            row.circuit_open_reason, row.circuit_opened_at = NO_REASON, None
            unpark(module.key)
            audit.record(
                actor=actor,
                action=f"module.{method}d",
                subject_type="module",
                subject_uuid=module.key,
                summary=f"{module.title} {module.version} {method}d.",
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
    return called.result if called.error else Result.of_lifecycle(called.value)


def _refuse(module_type: str, name: str, reason: str) -> NoReturn:
    """Record why a module cannot be loaded, for the Modules page, and raise it as a UserError."""
    with transaction():
        row = lock_module(module_type, name)
        row.problem, row.reason = ModuleProblem.NOT_LOADED, verbatim(reason)
    raise UserError(reason)
