"""What a scheduler process itself does periodically: the engine of tasks.

It enqueues due tasks, adds tasks of due schedule entries and recovers lost tasks; each reads and
changes a limited number of rows by an index. It also repairs the generation hint, which is one row
and one key, and from which workers know that modules changed. Everything else is a task; see
`operations.oversight.maintenance`.

Several schedulers may run at once, because every entry claims its work in the database.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from puqpanel.infra import queue
from puqpanel.jobs.entry import HANDLERS
from puqpanel.operations.modules import generation
from puqpanel.operations.oversight import schedule as timetable
from puqpanel.tasks import fence, sweep

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Entry:
    """A periodic job.

    Args:
        name: shown in the log.
        every: seconds between runs.
        call: the job; needs an app context.
        blind: seconds to wait after a gap in which this process did not run: if the database was
            unreachable, leases expired that could not be renewed.
        due: monotonic time of the next run.
        waited: whether the entry has just waited for `blind` seconds.
    """

    name: str
    every: float
    call: Callable[[], object]
    blind: float = 0.0
    due: float = 0.0
    waited: bool = False


def entries() -> list[Entry]:
    """Return the schedule of one scheduler process."""
    return [
        Entry("enqueue due tasks", 1, sweep.send_due),
        Entry("add tasks of due schedule entries", 1, timetable.run_due),
        Entry("recover lost tasks", 5, lambda: sweep.rescue(HANDLERS), blind=fence.LEASE_SECONDS),
        Entry(
            "repair the generation hint",
            5,
            lambda: queue.put_hint(generation.HINT, str(generation.current())),
        ),
    ]


def tick(schedule: list[Entry]) -> int:
    """Run what is due; a failing entry is logged and does not stop the others.

    Returns:
        The number of entries that ran.
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
