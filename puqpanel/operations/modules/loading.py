"""Load modules again after their files changed, and record which could be loaded."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import sqlalchemy as sa

from puqpanel.domain.errors import UserError
from puqpanel.domain.module_states import ModuleProblem, ModuleStatus, version_order
from puqpanel.domain.permissions import MODULES_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _, verbatim
from puqpanel.host import discover, edits, probe
from puqpanel.host.contract.refusal import Refused
from puqpanel.host.loader import load_module, unload
from puqpanel.host.registry import Registry
from puqpanel.infra.db import session, transaction, write
from puqpanel.models import Module
from puqpanel.operations.modules import crashes, generation, installed
from puqpanel.operations.modules.availability import NO_REASON, restriction
from puqpanel.operations.modules.module_list import ON, find_module, lock_module
from puqpanel.operations.system import audit


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
        elif loaded is not None:
            state = (ModuleStatus.RESTRICTED, *restriction(row, loaded.version))
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


def rescan(*, actor: Principal, modules_dir: Path) -> int:
    """Read changed folders for the list, and reload the active modules that changed.

    Returns:
        The number of modules that changed.
    """
    actor.require(MODULES_MANAGE)
    installed.rescan(modules_dir)
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
            generation.bump()
    return changed


def count_crashes(modules_dir: Path, instance: Path) -> None:
    """Count the crashes of this host's processes, and unload modules that caused several."""
    if crashes.process_markers(modules_dir, instance):
        with transaction():
            generation.bump()


def prove(modules_dir: Path, module_type: str, name: str) -> None:
    """Load a module in a process of its own, before this one tries it.

    Raises:
        UserError: it cannot be loaded, hung or crashed that process; the reason is saved for the
            Modules page.
    """
    refusal = probe.probe(modules_dir / module_type / name, module_type, name)
    if refusal:
        refuse(module_type, name, refusal)


def reload(*, actor: Principal, modules_dir: Path, module_type: str, name: str) -> None:
    """Reload a module after its files were fixed.

    An active module is reloaded in every process; an inactive one is loaded once as a test.

    Raises:
        UserError: it is inactive and still cannot be loaded; the reason is saved for the Modules
            page.
    """
    actor.require(MODULES_MANAGE)
    row = session().scalar(sa.select(Module).where(Module.type == module_type, Module.name == name))
    if row is None or row.status not in ON:
        _try_load(modules_dir, module_type, name)
        return
    with transaction():
        row = find_module(module_type, name)
        row.failure_count, row.crashed_files = 0, ""
        row.circuit_open_reason, row.circuit_opened_at = NO_REASON, None
        generation.bump()
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
        refuse(module_type, name, str(refusal))
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


def refuse(module_type: str, name: str, reason: str) -> NoReturn:
    """Record why a module cannot be loaded, for the Modules page.

    Raises:
        UserError: always; it names the module.
    """
    with transaction():
        row = lock_module(module_type, name)
        row.problem, row.reason = ModuleProblem.NOT_LOADED, verbatim(reason)
    raise UserError(reason if name in reason else f"{name}: {reason}")
