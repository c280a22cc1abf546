"""Scheduled jobs of modules and of the panel: each due run becomes one task.

Any number of schedulers may run. The row of a job of the panel has an empty module.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from puqpanel.domain.errors import ConflictError, NotFoundError
from puqpanel.domain.permissions import SCHEDULE_MANAGE
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.task_states import OPEN, OnLoss
from puqpanel.domain.texts import Text, _
from puqpanel.host import registry
from puqpanel.host.contract.timetable import Work
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.clock import now
from puqpanel.infra.db import find, release, save, session, transaction, write
from puqpanel.models import Module, ScheduleEntry, Task
from puqpanel.operations.oversight import maintenance
from puqpanel.operations.system import audit
from puqpanel.tasks.add import add

log = structlog.get_logger(__name__)
JOB, QUEUE = "ModuleJob", "Module"
CLOCK_SECONDS = 60
"""Difference between the clocks of two hosts that is normal, and interval of checking for more."""
_synced: list[registry.Registry] = []
_checked_at: list[float] = []


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry on the schedule page.

    Args:
        module: the module; None for a job of the panel.
        work: the declaration.
        row: its state; None until the scheduler has created it.
        task: the last run.
        stopped: why it does not run; empty if it does.
    """

    module: LoadedModule | None
    work: Work
    row: ScheduleEntry | None
    task: Task | None
    stopped: Text | str = ""


Works = dict[tuple[str, str], tuple[LoadedModule | None, Work]]
"""Module's key and name → declaration."""


def _works() -> Works:
    """Return the declarations of the panel and of all loaded modules."""
    own: Works = {("", name): (None, work) for name, (work, _) in maintenance.ENTRIES.items()}
    return own | {
        (module.key, work.name): (module, work)
        for module in registry.current().modules.values()
        for work in module.schedule
    }


def list_entries() -> list[Shown]:
    """Return the entries of the panel and of all loaded modules, by module and name."""
    works = _works()
    rows = {(row.module, row.name): row for row in session().scalars(sa.select(ScheduleEntry))}
    ids = [row.task_id for row in rows.values() if row.task_id]
    tasks = (
        {task.id: task for task in session().scalars(sa.select(Task).where(Task.id.in_(ids)))}
        if ids
        else {}
    )
    failing = session().scalars(sa.select(Module).where(Module.circuit_open_reason != ""))
    failing_keys = {module.key for module in failing}
    shown = []
    for key, (module, work) in sorted(works.items()):
        row = rows.get(key)
        stopped: Text | str = ""
        if module is not None and module.restricted:
            stopped = _("Its module needs an update.")
        elif module is not None and module.key in failing_keys:
            stopped = _("The circuit breaker of its module is open.")
        shown.append(
            Shown(module, work, row, tasks.get(row.task_id or 0) if row else None, stopped)
        )
    return shown


def run_due() -> int:
    """Add tasks for due entries.

    An entry whose last run has not ended is skipped and counted, so that runs do not pile up.

    Returns:
        The number of tasks added.
    """
    works = _works()
    moment = now()
    _sync_rows(works, moment)
    _pull_back(works, moment)
    due = (
        session()
        .execute(
            sa.select(ScheduleEntry.id, ScheduleEntry.module, ScheduleEntry.name).where(
                ScheduleEntry.due_at <= moment, ScheduleEntry.paused.is_(False)
            )
        )
        .all()
    )
    release()
    count = 0
    for row in due:
        if (row.module, row.name) in works:
            module, work = works[row.module, row.name]
            try:
                count += _run_entry(module, work, row.id, moment)
            except Exception:
                log.exception(
                    "a scheduled run could not be added", module=row.module, entry=work.name
                )
    return count


def _sync_rows(works: Works, moment: datetime) -> None:
    """Create rows for new entries and reschedule changed ones, once per set of loaded modules."""
    if _synced and _synced[0] is registry.current():
        return
    rows = {(row.module, row.name): row for row in session().scalars(sa.select(ScheduleEntry))}
    release()
    for (key, name), (_module, work) in works.items():
        row = rows.get((key, name))
        if row is None:
            # another scheduler may create it at the same time
            with contextlib.suppress(sa.exc.IntegrityError), transaction() as current:
                current.add(
                    ScheduleEntry(
                        module=key, name=name, shape=work.shape, due_at=work.after(moment)
                    )
                )
        elif row.shape != work.shape:
            write(
                sa.update(ScheduleEntry)
                .where(ScheduleEntry.id == row.id, ScheduleEntry.shape == row.shape)
                .values(shape=work.shape, due_at=work.after(moment))
            )
    _synced[:] = [registry.current()]


def _pull_back(works: Works, moment: datetime) -> None:
    """Reschedule entries that are due later than one period from now.

    The clock was ahead when they ran last.
    """
    if _checked_at and time.monotonic() - _checked_at[0] < CLOCK_SECONDS:
        return
    _checked_at[:] = [time.monotonic()]
    rows = session().scalars(sa.select(ScheduleEntry)).all()
    release()
    for row in rows:
        work = works[row.module, row.name][1] if (row.module, row.name) in works else None
        if work and row.due_at > work.after(moment) + timedelta(seconds=CLOCK_SECONDS):
            log.warning("schedule entry was due too late", module=row.module, entry=row.name)
            write(
                sa.update(ScheduleEntry)
                .where(ScheduleEntry.id == row.id, ScheduleEntry.due_at == row.due_at)
                .values(due_at=work.after(moment))
            )


@transaction()
def _run_entry(module: LoadedModule | None, work: Work, row_id: int, moment: datetime) -> int:
    row = session().scalar(
        sa.select(ScheduleEntry)
        .where(ScheduleEntry.id == row_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None or row.paused or row.due_at > moment:
        return 0
    row.due_at = work.after(moment)
    if _unfinished(row):
        row.skipped += 1
        return 0
    _start(module, work, row, AUTOMATION, moment)
    return 1


def _unfinished(row: ScheduleEntry) -> bool:
    return (
        row.task_id is not None
        and session().scalar(
            sa.select(Task.id).where(Task.id == row.task_id, Task.status.in_(OPEN))
        )
        is not None
    )


def _start(
    module: LoadedModule | None, work: Work, row: ScheduleEntry, actor: Principal, moment: datetime
) -> None:
    task = _add_maintenance(work, actor) if module is None else _add(module, work, actor)
    row.ran_at, row.task_id = moment, task.id


def _add_maintenance(work: Work, actor: Principal) -> Task:
    return add(
        job=maintenance.JOB,
        queue=maintenance.QUEUE,
        title=work.name,
        tags=["schedule"],
        timeout=work.timeout,
        max_exceptions=1,
        on_loss=OnLoss.LOSE,
        actor=actor,
        data={"entry": work.name},
    )


def _add(module: LoadedModule, work: Work, actor: Principal) -> Task:
    return add(
        job=JOB,
        queue=QUEUE,
        title=f"{module.config('name') or module.name}: {work.name}",
        module=module.key,
        tags=["schedule", f"schedule:{work.name}"],
        timeout=work.timeout,
        max_exceptions=1,
        on_loss=OnLoss.LOSE,
        actor=actor,
        data={
            "module": {"type": module.type, "name": module.name},
            "method": work.method,
            "entry": work.name,
        },
    )


@transaction()
def run_now(*, actor: Principal, module: str, name: str) -> None:
    """Run an entry manually.

    Args:
        actor: who runs it.
        module: the module's key; empty for a job of the panel.
        name: the entry's name.

    Raises:
        NotFoundError: no loaded module has this entry.
        ConflictError: its last run has not ended.
    """
    actor.require(SCHEDULE_MANAGE)
    loaded, work = _find(module, name)
    moment = now()
    row = session().scalar(_locked(module, name))
    if row is None:
        row = save(
            ScheduleEntry(module=module, name=name, shape=work.shape, due_at=work.after(moment))
        )
    if _unfinished(row):
        raise ConflictError(
            _("“%(name)s” is still running; try again when it finishes.", name=name)
        )
    _start(loaded, work, row, actor, moment)
    audit.record(
        actor=actor,
        action="schedule.run",
        subject_type="module" if module else "",
        subject_uuid=module,
        summary=_("“%(name)s” was run manually.", name=name),
    )


@transaction()
def pause(*, actor: Principal, module: str, name: str, paused: bool) -> None:
    """Pause or resume an entry.

    Raises:
        NotFoundError: no loaded module has this entry, or the scheduler has not created it yet.
    """
    actor.require(SCHEDULE_MANAGE)
    work = _find(module, name)[1]
    row = find(
        _locked(module, name), _("This job is not scheduled yet; try again in a few seconds.")
    )
    if row.paused == paused:
        return
    row.paused, row.due_at = paused, work.after(now())
    audit.record(
        actor=actor,
        action="schedule.paused" if paused else "schedule.resumed",
        subject_type="module" if module else "",
        subject_uuid=module,
        summary=f"“{name}” {'paused' if paused else 'resumed'}.",
        before={"paused": not paused},
        after={"paused": paused},
    )


def _find(module: str, name: str) -> tuple[LoadedModule | None, Work]:
    entry = _works().get((module, name))
    if entry is None:
        raise NotFoundError(_("This scheduled job no longer exists."))
    return entry


def _locked(module: str, name: str) -> sa.Select[ScheduleEntry]:
    return (
        sa.select(ScheduleEntry)
        .where(ScheduleEntry.module == module, ScheduleEntry.name == name)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
