"""Crashes: modules that ended the process they ran in.

It is told from the mark that the process left, and kept from doing so again.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa

from puqpanel.domain.module_states import MODULE_TYPES, ModuleStatus
from puqpanel.host import edits, logs
from puqpanel.host.containment import crash_markers, probe
from puqpanel.host.loader import LOADING
from puqpanel.infra.db import session, transaction
from puqpanel.infra.processes import neighbourhood
from puqpanel.models import Module
from puqpanel.operations.modules import breaker

WEIGHT = 2
"""For how many failures one process that was ended in a page counts: others lose their page
with it.
"""
OLD = 30 * 24 * 3600
"""Seconds after which a folder in which no process began since is of nobody any more."""
AT_IMPORT = (
    "Importing it ended the process that did it; it is not tried again until its files change or"
    " you choose “Load again”."
)


def folder(instance: Path) -> Path:
    """Return the folder of crash markers that processes of this host share.

    The folder above may be shared by containers, and outlives a restart of the host.
    """
    return instance / "run" / neighbourhood()


def tidy(instance: Path) -> None:
    """Remove marker folders of containers and boots that ended long ago."""
    with contextlib.suppress(OSError):
        for other in folder(instance).parent.iterdir():
            if (
                other.is_dir()
                and other != folder(instance)
                and time.time() - other.stat().st_mtime > OLD
            ):
                shutil.rmtree(other, ignore_errors=True)


def process_markers(modules_dir: Path, instance: Path) -> bool:
    """Process the crash markers that ended processes of this host left.

    Returns:
        Whether a module that was served has to go: the caller raises the generation.
    """
    gone = False
    for text in crash_markers.collect(folder(instance)):
        key, _, doing = text.partition(" ")
        module_type, _, name = key.partition("/")
        if module_type not in MODULE_TYPES or not name:
            continue
        if doing == LOADING:
            gone = _died_at_import(modules_dir, module_type, name) or gone
            continue
        what = f"{name}: the process that ran {doing} ended in it, or was ended because it hung."
        logs.write(type=module_type, name=name, level="error", action=f"{doing} ended its process")
        if breaker.record_failure(key, what, WEIGHT):
            _hold(
                modules_dir,
                module_type,
                name,
                f"It ended the processes that served it, the last time in {doing}; mend it, then"
                " choose “Load again”.",
            )
            gone = True
    return gone


def _died_at_import(modules_dir: Path, module_type: str, name: str) -> bool:
    """Return whether a module whose import a process did not survive is held back for it.

    Somebody else may have killed that process, so it is tried once more, in one of its own.
    """
    if not probe.probe(modules_dir / module_type / name, module_type, name):
        return breaker.record_failure(
            f"{module_type}/{name}", f"{name}: a process ended while it imported it.", WEIGHT
        ) and _hold(modules_dir, module_type, name, AT_IMPORT)
    logs.write(type=module_type, name=name, level="error", action="importing it ended a process")
    return _hold(modules_dir, module_type, name, AT_IMPORT)


def _hold(modules_dir: Path, module_type: str, name: str, reason: str) -> bool:
    files = edits.fingerprint(modules_dir / module_type / name)
    with transaction() as current:
        row = current.scalar(
            sa.select(Module)
            .where(Module.type == module_type, Module.name == name)
            .with_for_update()
        )
        if row is None:
            row = Module(type=module_type, name=name, status=ModuleStatus.INACTIVE)
            current.add(row)
        row.reason, row.crashed_files = reason, files
        if row.status != ModuleStatus.INACTIVE:
            row.status = ModuleStatus.ERROR
    return True


def crashed_modules(modules_dir: Path, wanted: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Return the modules whose current files crashed a process: key → reason."""
    keys = {(module_type, name) for module_type, name, _ in wanted}
    rows = session().scalars(sa.select(Module).where(Module.crashed_files != "")).all()
    return {
        row.key: row.reason or AT_IMPORT
        for row in rows
        if (row.type, row.name) in keys
        and row.crashed_files == edits.fingerprint(modules_dir / row.type / row.name)
    }
