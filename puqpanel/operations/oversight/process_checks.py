"""Health checks of workers and schedulers."""

from __future__ import annotations

import socket
from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain.task_states import NOT_STARTED
from puqpanel.domain.texts import Text, _, _n, named
from puqpanel.infra.clock import now
from puqpanel.infra.db import engine_for
from puqpanel.infra.processes import alive
from puqpanel.infra.program import PROGRAM
from puqpanel.infra.settings import Settings
from puqpanel.models import Generation, Heartbeat, ScheduleEntry, Task
from puqpanel.operations.oversight import maintenance
from puqpanel.operations.oversight.check import Check
from puqpanel.tasks import heartbeat

SILENT = 3 * heartbeat.EVERY
"""Seconds without a heartbeat after which a process counts as stopped."""
LATE = 60
"""Seconds by which the oldest due task may be late before a warning."""


def workers(settings: Settings) -> Check:
    """Check that workers run, and that no task is overdue."""
    alive, behind = _heartbeats(settings, "worker")
    facts = {"alive": alive, "behind": behind}
    if not alive:
        return Check(
            "workers",
            "fail",
            _("No worker is running, so tasks do not run."),
            _start(settings, "worker"),
            facts,
        )
    late, oldest = _late(settings)
    if late:
        return Check(
            "workers",
            "warn",
            _n(
                "%(num)s task is overdue by more than %(limit)s seconds, the oldest by"
                " %(oldest)s seconds.",
                "%(num)s tasks are overdue by more than %(limit)s seconds, the oldest by"
                " %(oldest)s seconds.",
                late,
                limit=LATE,
                oldest=oldest,
            ),
            _("Start more workers, or check why the running tasks are slow."),
            {**facts, "late": late, "oldest": oldest},
        )
    return Check(
        "workers",
        "ok",
        _n("%(num)s worker is running.", "%(num)s workers are running.", alive),
        facts=facts,
    )


def schedule(settings: Settings) -> Check:
    """Check that a scheduler runs, and that no job of the panel is paused."""
    alive, behind = _heartbeats(settings, "scheduler")
    facts = {"alive": alive, "behind": behind}
    if not alive:
        return Check(
            "schedule",
            "fail",
            _(
                "No scheduler is running: scheduled jobs do not run and lost tasks are not "
                "recovered."
            ),
            _start(settings, "scheduler"),
            facts,
        )
    query = sa.select(ScheduleEntry.name).where(ScheduleEntry.module == "", ScheduleEntry.paused)
    with engine_for(settings.database_url).connect() as connection:
        paused = maintenance.ENTRIES.keys() & set(connection.scalars(query))
    names = sorted(str(named(name)) for name in paused)
    if names:
        return Check(
            "schedule",
            "warn",
            _n(
                "%(num)s scheduled job of the panel is paused: %(names)s.",
                "%(num)s scheduled jobs of the panel are paused: %(names)s.",
                len(names),
                names=", ".join(names),
            ),
            _("Resume it on the Schedule page."),
            facts,
        )
    return Check(
        "schedule",
        "ok",
        _n("%(num)s scheduler is running.", "%(num)s schedulers are running.", alive),
        facts=facts,
    )


def _heartbeats(settings: Settings, kind: str) -> tuple[int, int]:
    """Return how many processes of a kind are alive, and how many run another generation."""
    here = socket.gethostname()[:120]
    with engine_for(settings.database_url).connect() as connection:
        columns = Heartbeat.generation, Heartbeat.host, Heartbeat.pid
        rows = connection.execute(
            sa.select(*columns).where(Heartbeat.kind == kind, Heartbeat.is_near(now(), SILENT))
        ).all()
        newest = connection.scalar(sa.select(Generation.number)) or 0
    # processes of this host can be looked up, so a killed one is noticed at once
    generations = [row.generation for row in rows if row.host != here or alive(row.pid)]
    return len(generations), sum(number != newest for number in generations)


def _late(settings: Settings) -> tuple[int, int]:
    moment = now()
    with engine_for(settings.database_url).connect() as connection:
        count, oldest = connection.execute(
            sa.select(sa.func.count(Task.id), sa.func.min(Task.run_at)).where(
                Task.status.in_(NOT_STARTED),
                Task.after_id.is_(None),
                Task.run_at < moment - timedelta(seconds=LATE),
            )
        ).one()
    return count, int((moment - oldest).total_seconds()) if oldest else 0


def _start(settings: Settings, command: str) -> Text:
    return _(
        "Run: %(program)s %(command)s",
        program=PROGRAM,
        command=command if settings.redis_url else "up",
    )
