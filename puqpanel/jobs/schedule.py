"""What happens by itself, as data: each entry's name, how often, and what it calls.

Two schedulers at once do no harm: every entry claims its work in the database.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from puqpanel.infra import queue
from puqpanel.infra.settings import Settings
from puqpanel.jobs.entry import HANDLERS
from puqpanel.operations.modules import module_log, modules
from puqpanel.operations.oversight import schedule as timetable
from puqpanel.operations.oversight import tasks
from puqpanel.operations.provisioning import reconciliation
from puqpanel.tasks import fence, sweep

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Entry:
    """One kind of periodic work.

    Args:
        name: for the log.
        every: seconds between two runs.
        call: what to do; needs an app context.
        blind: seconds to wait after this process could not look for a while: leases ran out that
            nobody could renew, with the database away.
        due: monotonic time of the next run.
        waited: whether it has just waited for that.
    """

    name: str
    every: float
    call: Callable[[], object]
    blind: float = 0.0
    due: float = 0.0
    waited: bool = False


def entries(settings: Settings) -> list[Entry]:
    """Return the schedule of one scheduler process.

    Args:
        settings: where modules lie, and how long their log's lines are kept.
    """
    return [
        Entry("send what is due", 1, sweep.send_due),
        Entry("start what modules do by themselves", 1, timetable.run_due),
        Entry("rescue what was lost", 5, lambda: sweep.rescue(HANDLERS), blind=fence.LEASE_SECONDS),
        Entry("settle services without a task", 20, reconciliation.settle_orphans),
        Entry("let go on what was parked", 10, modules.unpark_served),
        Entry(
            "count processes that modules ended",
            5,
            lambda: modules.count_crashes(settings.modules_dir, settings.instance),
        ),
        Entry(
            "repair the generation's hint",
            5,
            lambda: queue.put_hint(modules.HINT, str(modules.generation())),
        ),
        Entry("compare modules with the disk", 10, lambda: modules.rescan(settings.modules_dir)),
        Entry("thin the module log", 30, lambda: module_log.prune(settings.module_log_days)),
        Entry("thin the tasks", 30, lambda: tasks.prune(settings.task_days)),
    ]


def tick(schedule: list[Entry]) -> int:
    """Run what is due; a failing entry is logged and does not stop the others.

    Returns:
        How many ran.
    """
    ran = 0
    for entry in schedule:
        moment = time.monotonic()
        if moment < entry.due:
            continue
        if (
            entry.blind
            and not entry.waited
            and entry.due
            and moment - entry.due > fence.LEASE_SECONDS / 2
        ):
            entry.due, entry.waited = moment + entry.blind, True
            continue
        entry.waited = False
        entry.due = moment + entry.every
        try:
            entry.call()
        except Exception:
            log.exception("schedule entry failed", entry=entry.name)
            entry.due = moment + max(entry.every, entry.blind)
        ran += 1
    return ran
