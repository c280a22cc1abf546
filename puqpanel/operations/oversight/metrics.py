"""Figures for GET /metrics that the database and the queue server know, the same on every host."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from puqpanel.domain.task_states import NOT_STARTED, OPEN, TaskStatus
from puqpanel.infra import queue
from puqpanel.infra.clock import now
from puqpanel.infra.db import engine_for
from puqpanel.infra.metrics import Figure
from puqpanel.infra.settings import Settings
from puqpanel.models import Heartbeat, Task
from puqpanel.tasks import heartbeat

FINISHED = (TaskStatus.COMPLETED, TaskStatus.CANCELLED)
"""Of these, there are as many as the retention keeps, so only recent ones are counted."""
RECENT = timedelta(hours=1)


def figures(settings: Settings) -> list[Figure]:
    """Return the figures; those of an unavailable server are left out."""
    up: list[tuple[dict[str, str], float]] = []
    found = [Figure("up", "Whether the database and the queue server respond.", up)]
    for component, read, errors in (
        ("database", _of_database, (SQLAlchemyError,)),
        ("queue", _of_queue, (queue.QueueError, OSError)),
    ):
        try:
            found += read(settings)
            up.append(({"component": component}, 1))
        except errors:
            up.append(({"component": component}, 0))
    return found


def _of_database(settings: Settings) -> list[Figure]:
    engine = engine_for(settings.database_url)
    with engine.connect() as connection:
        at = now()
        counts = _counts(connection, at)
        tasks = [({"state": state}, float(counts.get(state, 0))) for state in TaskStatus]
        ages = [
            ({"state": state}, _age(connection, state, at)) for state in TaskStatus if state in OPEN
        ]
        alive = sa.select(Heartbeat.kind, sa.func.count()).where(
            Heartbeat.is_near(at, 3 * heartbeat.EVERY)
        )
        kinds = {"worker": 0, "scheduler": 0} | dict(
            connection.execute(alive.group_by(Heartbeat.kind)).all()
        )
    pool = engine.pool
    limit = pool.size() + pool._max_overflow if isinstance(pool, sa.QueuePool) else 0
    return [
        Figure(
            "tasks",
            "Tasks by state; completed and cancelled ones of the last hour.",
            tasks,
        ),
        Figure(
            "oldest_task_age_seconds",
            "Age of the oldest task: how long it has been due or, if running or parked, since it"
            " started or was added; 0 without one.",
            ages,
        ),
        Figure(
            "processes",
            "Running workers and schedulers of all hosts.",
            [({"kind": kind}, float(number)) for kind, number in sorted(kinds.items())],
        ),
        Figure(
            "database_connections_limit",
            "Database connections that one process may use at a time.",
            [({}, float(limit))],
        ),
    ]


def _counts(connection: sa.Connection, at: datetime) -> dict[str, int]:
    """Return the number of tasks by state, read from indexes."""
    remaining = [state for state in TaskStatus if state not in FINISHED]
    number = sa.select(Task.status, sa.func.count()).group_by(Task.status)
    counts = dict(connection.execute(number.where(Task.status.in_(remaining))).all())
    recent = number.where(Task.status.in_(FINISHED), Task.ended_at > at - RECENT)
    return {**counts, **dict(connection.execute(recent).all())}


def _age(connection: sa.Connection, state: TaskStatus, at: datetime) -> float:
    if state in NOT_STARTED:
        since = sa.select(sa.func.min(Task.run_at)).where(Task.status == state)
    else:
        first = sa.select(sa.func.min(Task.id)).where(Task.status == state).scalar_subquery()
        since = sa.select(sa.func.coalesce(Task.started_at, Task.created_at)).where(
            Task.id == first
        )
    oldest = connection.scalar(since)
    return max(0.0, (at - oldest).total_seconds()) if oldest else 0.0


def _of_queue(_settings: Settings) -> list[Figure]:
    return [
        Figure(
            "queue_depth",
            "Tasks that wait for a worker in the queue server.",
            [({"queue": name.lower()}, float(n)) for name, n in queue.lengths().items()],
        )
    ]
