"""Switching modules on, off and forward, in every process at once.

The database holds the set of active modules and a number, the generation; every process that sees
another number builds its app anew.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from puqpanel.domain.actors import Actor
from puqpanel.domain.errors import ConflictError, NotFoundError, UserError
from puqpanel.domain.module_states import ModuleStatus, version_order
from puqpanel.domain.task_states import TaskStatus
from puqpanel.host import calls, discover, edits, migrations
from puqpanel.host.containment import probe
from puqpanel.host.contract.refusal import Refused
from puqpanel.host.contract.result import Result
from puqpanel.host.loaded import LoadedModule
from puqpanel.host.loader import load_module, unload
from puqpanel.host.registry import Registry
from puqpanel.infra import queue
from puqpanel.infra.clock import now
from puqpanel.infra.db import after_commit, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import Generation, Module, Product, ScheduleEntry, Service, Task
from puqpanel.operations.modules import breaker, crashes
from puqpanel.operations.modules.availability import version_mismatch
from puqpanel.operations.modules.module_list import FAILED, ON
from puqpanel.operations.system import audit

HINT = "generation"
PARKED = 15
"""Seconds that a task stays parked at least: so long a process that has not yet swapped its app
may park it again.
"""


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


def activate(*, actor: Actor, modules_dir: Path, module_type: str, name: str) -> Result:
    """Activate a module: load it, call `activate()`, then serve it in every process.

    Raises:
        UserError: it was refused or its `activate()` failed; the text says why and the status is as
            it was (a refused one shows the reason).
    """
    return _switch(actor, modules_dir, module_type, name, "activate")


def update(*, actor: Actor, modules_dir: Path, module_type: str, name: str) -> Result:
    """Update a module to the version on disk: call `update()`, then serve it everywhere.

    Raises:
        UserError: as for `activate`, or the version on disk is older than the recorded one.
    """
    row = find_module(module_type, name)
    found = discover.look(modules_dir / module_type / name, module_type, name)
    if not found.error and version_order(found.version) < version_order(row.version):
        raise ConflictError(
            f"The files are of version {found.version}, older than {row.version} that was active;"
            " put the newer files back."
        )
    return _switch(actor, modules_dir, module_type, name, "update")


def deactivate(*, actor: Actor, modules_dir: Path, module_type: str, name: str) -> Result:
    """Deactivate a module: call `deactivate()`, then stop serving it in every process.

    Its data stays, unless its own method drops it.

    Raises:
        UserError: its `deactivate()` failed.
    """
    row = find_module(module_type, name)
    if row.status == ModuleStatus.INACTIVE:
        return Result.success(message="It is off already.")
    try:
        module = load_module(modules_dir / module_type / name, module_type, name, row.version)
    except Refused:
        module = None  # what cannot be loaded has nothing to say about being switched off
    if module is not None:
        try:
            result = _lifecycle(module, "deactivate", actor)
        finally:
            unload(module.package)
        if not result.ok:
            raise ConflictError(f"{name} was not switched off: {result.message}")
    with transaction():
        row = find_module(module_type, name)
        row.status, row.reason = ModuleStatus.INACTIVE, ""
        bump()
        audit.record(
            actor=actor,
            action="module.deactivated",
            subject_type="module",
            subject_uuid=row.key,
            summary=f"{name} deactivated.",
        )
        raise_event("module.deactivated", {"module": row.key})
    return Result.success()


def purge(*, actor: Actor, modules_dir: Path, module_type: str, name: str) -> Result:
    """Drop the tables of an inactive module, with all their data.

    Raises:
        ConflictError: it is on, or services still belong to it.
    """
    row = find_module(module_type, name)
    if row.status != ModuleStatus.INACTIVE:
        raise ConflictError("Deactivate the module first.")
    alive = session().scalar(
        sa.select(Service.id)
        .join(Product)
        .where(Product.module == row.key, Service.status.in_(("active", "suspended")))
        .limit(1)
    )
    if alive is not None:
        raise ConflictError("This module still has services; terminate them first.")
    try:
        module = load_module(modules_dir / module_type / name, module_type, name, row.version)
    except Refused as refusal:
        raise ConflictError(f"Its tables could not be dropped: {refusal}") from None
    try:
        migrations.downgrade(module.folder, module.prefix)
    finally:
        unload(module.package)
    with transaction() as current:
        row = find_module(module_type, name)
        current.execute(sa.delete(ScheduleEntry).where(ScheduleEntry.module == row.key))
        current.delete(row)
        audit.record(
            actor=actor,
            action="module.purged",
            subject_type="module",
            subject_uuid=row.key,
            summary=f"The data of {name} was deleted.",
        )
    return Result.success()


def find_module(module_type: str, name: str) -> Module:
    """Return the record of a module.

    Raises:
        NotFoundError: it never was switched on.
    """
    row = session().scalar(
        sa.select(Module)
        .where(Module.type == module_type, Module.name == name)
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFoundError(f"{module_type}/{name} was never switched on.")
    return row


def record_load(registry: Registry) -> None:
    """Record which modules loaded when an app was built.

    Refused ones as errors, changed ones as restricted, the rest active.
    """
    changes: list[tuple[Module, str, str]] = []
    for row in session().scalars(sa.select(Module).where(Module.status.in_(ON))):
        loaded = registry.modules.get(row.key)
        if row.key in registry.refused:
            now_is, reason = ModuleStatus.ERROR, registry.refused[row.key]
        elif loaded is not None and loaded.restricted:
            now_is, reason = (
                ModuleStatus.RESTRICTED,
                (
                    row.reason
                    if row.reason.startswith(FAILED)
                    else version_mismatch(loaded.version, row.version)
                ),
            )
        elif loaded is not None:
            now_is, reason = ModuleStatus.ACTIVE, ""
        else:
            continue
        if (row.status, row.reason) != (now_is, reason):
            changes.append((row, now_is, reason))
    if changes:
        with transaction() as current:
            for row, status, reason in changes:
                # only what still stands as it was read: somebody may have switched the module off
                # or updated it in between
                current.execute(
                    sa.update(Module)
                    .where(
                        Module.id == row.id,
                        Module.status == row.status,
                        Module.version == row.version,
                    )
                    .values(status=status, reason=reason)
                    .execution_options(synchronize_session=False)
                )


def rescan(modules_dir: Path) -> int:
    """Compare the disk with what is served.

    Where a version changed or a module came back, every process builds its app anew.

    Returns:
        How many modules changed.
    """
    rows = {
        row.key: row for row in session().scalars(sa.select(Module).where(Module.status.in_(ON)))
    }
    changed = 0
    for row in rows.values():
        found = discover.look(modules_dir / row.type / row.name, row.type, row.name)
        match = not found.error and version_order(found.version) == version_order(row.version)
        mended = (
            row.status == ModuleStatus.ERROR
            and row.crashed_files
            and row.crashed_files != edits.fingerprint(modules_dir / row.type / row.name)
        )
        if (
            mended
            or (row.status == ModuleStatus.ACTIVE and not match)
            or (row.status == ModuleStatus.RESTRICTED and (match or found.error))
        ):
            changed += 1
    if changed:
        with transaction():
            bump()
    return changed


def count_crashes(modules_dir: Path, instance: Path) -> None:
    """Count the crashes of this host's processes.

    One that ended several is served no more.
    """
    if crashes.process_markers(modules_dir, instance):
        with transaction():
            bump()


def prove(modules_dir: Path, module_type: str, name: str) -> None:
    """Load a module in a process of its own, before this one tries it.

    Raises:
        UserError: it was refused, hung or ended that process; the reason is kept for the list.
    """
    refusal = probe.probe(modules_dir / module_type / name, module_type, name)
    if refusal:
        _remember_refusal(module_type, name, refusal)
        raise UserError(refusal)


def load_again(*, actor: Actor, modules_dir: Path, module_type: str, name: str) -> None:
    """Reload a module after its files were fixed.

    In every process where it is on, only to see whether it loads where it is off.

    Raises:
        UserError: it is off and still refused; the text says why, and so does the list from now on.
    """
    row = session().scalar(sa.select(Module).where(Module.type == module_type, Module.name == name))
    if row is None or row.status not in ON:
        _try_load(modules_dir, module_type, name)
        return
    with transaction():
        row = find_module(module_type, name)
        row.failure_count, row.crashed_files = 0, ""
        row.circuit_open_reason, row.circuit_opened_at = "", None
        bump()
        audit.record(
            actor=actor,
            action="module.reloaded",
            subject_type="module",
            subject_uuid=row.key,
            summary=f"{name} reloaded.",
        )


def _try_load(modules_dir: Path, module_type: str, name: str) -> None:
    try:
        module = load_module(modules_dir / module_type / name, module_type, name)
    except Refused as refusal:
        _remember_refusal(module_type, name, str(refusal))
        raise UserError(str(refusal)) from None
    unload(module.package)
    with transaction() as current:
        current.execute(
            sa.update(Module)
            .where(
                Module.type == module_type,
                Module.name == name,
                Module.status == ModuleStatus.INACTIVE,
            )
            .values(reason="", crashed_files="")
        )


def resume(*, actor: Actor, module_type: str, name: str) -> None:
    """Close a module's circuit breaker and requeue its parked tasks.

    Raises:
        ConflictError: it is not stopped.
    """
    key = find_module(module_type, name).key
    with transaction():
        breaker.close(actor=actor, key=key)
        unpark(key)


def bump() -> None:
    """Increment the generation. Needs a transaction; concurrent changes wait for it."""
    row = session().scalar(
        sa.select(Generation).with_for_update().execution_options(populate_existing=True)
    )
    if row is None:
        row = Generation(id=1, number=0)
        session().add(row)
    row.number += 1
    number = row.number
    session().flush()
    after_commit(lambda: queue.put_hint(HINT, str(number)))


def unpark(key: str) -> int:
    """Requeue the parked tasks of a module. Needs a transaction.

    Returns:
        How many.
    """
    # one statement: there may be very many, and none of them has to pass through here
    freed: sa.CursorResult[tuple[()]] = session().execute(  # type: ignore[assignment]
        sa.update(Task)
        .where(Task.module == key, Task.status == TaskStatus.PARKED)
        .values(status=TaskStatus.QUEUED, run_at=now(), dispatched_at=None, ended_at=None)
    )
    return freed.rowcount


def unpark_served() -> int:
    """Requeue parked tasks whose module is available again.

    One that was parked while its module was just being switched on, or whose module was mended on
    the disk, hears of it from nobody else.

    Returns:
        How many.
    """
    keys = (
        session()
        .scalars(
            sa.select(Task.module)
            .distinct()
            .join(Module, Module.type + "/" + Module.name == Task.module)
            .where(
                Task.status == TaskStatus.PARKED,
                Task.ended_at < now() - timedelta(seconds=PARKED),
                Module.status == ModuleStatus.ACTIVE,
                Module.circuit_open_reason == "",
            )
        )
        .all()
    )
    if not keys:
        return 0
    with transaction():
        return sum(unpark(key) for key in keys)


def _switch(actor: Actor, modules_dir: Path, module_type: str, name: str, method: str) -> Result:
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
                f"{name} and {other.name} differ only in capital letters, so they would share"
                " tables; rename one."
            )
    try:
        module = load_module(modules_dir / module_type / name, module_type, name, recorded)
    except Refused as refusal:
        _remember_refusal(module_type, name, str(refusal))
        raise UserError(str(refusal)) from None
    try:
        result = _lifecycle(module, method, actor)
        if not result.ok:
            if method == "update":
                _remember_failure(module, result.message)
            raise UserError(
                f"{module.title} was not {'activated' if method == 'activate' else 'updated'}:"
                f" {result.message}"
            )
        with transaction() as current:
            bump()  # first: a second click waits here, and then finds the row
            row = current.scalar(
                sa.select(Module)
                .where(Module.type == module_type, Module.name == name)
                .with_for_update()
            )
            if row is None:
                row = Module(type=module_type, name=name)
                current.add(row)
            before = row.version
            row.status, row.reason, row.version, row.activated_at = (
                ModuleStatus.ACTIVE,
                "",
                module.version,
                now(),
            )
            row.failure_count, row.crashed_files = 0, ""
            row.circuit_open_reason, row.circuit_opened_at = "", None
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


def _remember_failure(module: LoadedModule, message: str) -> None:
    """Record why an update failed; the module still needs it."""
    with transaction() as current:
        current.execute(
            sa.update(Module)
            .where(
                Module.type == module.type,
                Module.name == module.name,
                Module.status.in_((ModuleStatus.ACTIVE, ModuleStatus.RESTRICTED)),
            )
            .values(
                status=ModuleStatus.RESTRICTED,
                reason=f"{FAILED} to {module.version} failed: {message}"[:4000],
            )
            .execution_options(synchronize_session=False)
        )


def _lifecycle(module: LoadedModule, method: str, actor: Actor) -> Result:
    called = calls.invoke(calls.Call(module, method, actor=actor))
    return called.result if called.error else Result.of_lifecycle(called.value)


def _remember_refusal(module_type: str, name: str, reason: str) -> None:
    """Record why a module was refused, for the Modules page."""
    with transaction() as current:
        row = current.scalar(
            sa.select(Module).where(Module.type == module_type, Module.name == name)
        )
        if row is None:
            current.add(
                Module(type=module_type, name=name, status=ModuleStatus.INACTIVE, reason=reason)
            )
        else:
            row.reason = reason
