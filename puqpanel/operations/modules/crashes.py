"""Crashes: modules that ended the process they ran in, known from its crash marker."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa

from puqpanel.domain.module_states import MODULE_TYPES, ModuleProblem, ModuleStatus
from puqpanel.domain.texts import Text, _
from puqpanel.host import edits, logs, probe
from puqpanel.host.containment import crash_markers
from puqpanel.host.loader import LOADING
from puqpanel.infra.db import session, transaction
from puqpanel.infra.processes import neighbourhood
from puqpanel.models import Module
from puqpanel.operations.modules import breaker
from puqpanel.operations.modules.module_list import lock_module

WEIGHT = 2
"""Failures that a crash of a process counts as, because it also aborts other requests."""
MAX_AGE_SECONDS = 30 * 24 * 3600
"""Age at which a marker folder that no process has used since is removed."""
AT_IMPORT = _(
    "Importing it crashed the process. It is not loaded again until its files change or you "
    "choose Reload."
)


def folder(instance: Path) -> Path:
    """Return the folder of crash markers that processes of this host share.

    The parent folder may be shared by containers and outlives a restart of the host.
    """
    return instance / "run" / neighbourhood()


def tidy(instance: Path) -> None:
    """Remove marker folders of containers and boots that ended long ago."""
    with contextlib.suppress(OSError):
        for other in folder(instance).parent.iterdir():
            if (
                other.is_dir()
                and other != folder(instance)
                and time.time() - other.stat().st_mtime > MAX_AGE_SECONDS
            ):
                shutil.rmtree(other, ignore_errors=True)


def process_markers(modules_dir: Path, instance: Path) -> bool:
    """Process the crash markers of processes of this host that have ended.

    Returns:
        Whether an active module must be unloaded: the caller increments the generation.
    """
    unload = False
    for texts in crash_markers.collect(folder(instance)):
        by_module = {text.partition(" ")[0]: text.partition(" ")[2] for text in texts}
        # of several that were running, it is unknown which one crashed the process
        weight = WEIGHT if len(by_module) == 1 else 1
        for key, doing in by_module.items():
            unload = _process_marker(modules_dir, key, doing, weight) or unload
    return unload


def _process_marker(modules_dir: Path, key: str, doing: str, weight: int) -> bool:
    module_type, _slash, name = key.partition("/")
    if module_type not in MODULE_TYPES or not name:
        return False
    if doing == LOADING:
        return _crashed_at_import(modules_dir, module_type, name)
    description = _(
        "%(name)s: %(doing)s crashed its process, or was killed because it hung.",
        name=name,
        doing=doing,
    )
    logs.write(type=module_type, name=name, level="error", action=f"{doing} crashed its process")
    return breaker.record_failure(key, description, weight) and _disable(
        modules_dir,
        module_type,
        name,
        _(
            "It crashed its processes, most recently in %(doing)s. Fix the module, then "
            "choose Reload.",
            doing=doing,
        ),
    )


def _crashed_at_import(modules_dir: Path, module_type: str, name: str) -> bool:
    """Return whether a module is disabled after a process ended during its import.

    Something else may have killed that process, so the import is tried once more in a process of
    its own.
    """
    if not probe.probe(modules_dir / module_type / name, module_type, name):
        return breaker.record_failure(
            f"{module_type}/{name}",
            _("%(name)s: a process crashed while importing it.", name=name),
            WEIGHT,
        ) and _disable(modules_dir, module_type, name, AT_IMPORT)
    logs.write(type=module_type, name=name, level="error", action="importing it crashed a process")
    return _disable(modules_dir, module_type, name, AT_IMPORT)


def _disable(modules_dir: Path, module_type: str, name: str, reason: Text) -> bool:
    files = edits.fingerprint(modules_dir / module_type / name)
    with transaction():
        row = lock_module(module_type, name)
        row.problem, row.reason = ModuleProblem.CRASHED, reason
        row.crashed_files = files
        if row.status != ModuleStatus.INACTIVE:
            row.status = ModuleStatus.ERROR
    return True


def crashed_modules(modules_dir: Path, modules: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Return the modules whose current files crashed a process: key → reason."""
    keys = {(module_type, name) for module_type, name, _ in modules}
    rows = session().scalars(sa.select(Module).where(Module.crashed_files != "")).all()
    return {
        row.key: str(row.reason or AT_IMPORT)
        for row in rows
        if (row.type, row.name) in keys
        and row.crashed_files == edits.fingerprint(modules_dir / row.type / row.name)
    }
