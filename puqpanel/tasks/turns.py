"""The order in which waiting tasks run, fair to clients and to modules.

An id in the queue server says that some task of its queue waits; the row with the lowest turn runs.
Turns come in rounds, as in start-time fair queuing (Goyal, Vin, Cheng: "Start-time Fair Queueing",
SIGCOMM 1996): the n-th waiting task of a client belongs to the n-th round from now, and within a
round, the n-th task of a module gets the n-th place. So a task of a client who has no others runs
next, however many tasks wait for other clients or modules.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

import sqlalchemy as sa

from puqpanel.domain.task_states import NOT_STARTED
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session
from puqpanel.models import Service, Task

TASKS = cast("sa.Table", Task.__table__)
ROUND = 2**32
"""Number of places in a round: a turn is the round's number times this, plus the place."""
WAITS = TASKS.c.turn.is_not(None)
"""Condition of the tasks that are sent to the queue server; partial indexes have the same."""


def ready(moment: datetime | sa.BindParameter[datetime]) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions of a task that a worker may claim."""
    return (
        TASKS.c.status.in_(NOT_STARTED),
        TASKS.c.run_at <= moment,
        TASKS.c.after_id.is_(None),
    )


def _span(column: sa.ColumnElement[str]) -> sa.Select[int | None, int | None]:
    """Return a query of the lowest turn of all, and of the highest with a value in a column."""
    waiting = (
        WAITS,
        TASKS.c.queue == sa.bindparam("queue"),
        TASKS.c.turn.between(sa.bindparam("low"), sa.bindparam("high")),
    )
    return sa.select(
        sa.select(sa.func.min(TASKS.c.turn)).where(*waiting).scalar_subquery(),
        sa.select(sa.func.max(TASKS.c.turn))
        .where(*waiting, column == sa.bindparam("value"))
        .scalar_subquery(),
    )


# Built once, because each task uses them.
SPAN_OF_FLOW, SPAN_OF_MODULE = _span(TASKS.c.flow), _span(TASKS.c.module)
NEXT = (
    sa.select(TASKS.c.id, TASKS.c.module)
    .where(
        WAITS,
        TASKS.c.queue
        == sa.select(TASKS.c.queue).where(TASKS.c.id == sa.bindparam("task_id")).scalar_subquery(),
        *ready(sa.bindparam("moment", type_=TASKS.c.run_at.type)),
    )
    .order_by(TASKS.c.turn, TASKS.c.id)
    .limit(1)
)


def flow(subject_type: str, subject_uuid: str, module: str) -> str:
    """Return whose turn a task takes: of the client of its service, or else of its module.

    Args:
        subject_type: Kind of the object that the task is about.
        subject_uuid: UUID of the object.
        module: Key of the module; may be empty.
    """
    if subject_type in ("service", "observation"):
        client = session().scalar(sa.select(Service.client_id).where(Service.uuid == subject_uuid))
        if client is not None:
            return f"client:{client}"
    return f"module:{module}"


def wait(task: Task, moment: datetime) -> None:
    """Mark a task as sent to the queue server, and give it a turn.

    Args:
        task: The row; it is to be sent after the commit.
        moment: The current time.
    """
    task.dispatched_at = moment
    task.turn = following(task.queue, task.flow, task.module)


def following(queue: str, flow: str, module: str) -> int:
    """Return the turn of a task that begins to wait now.

    Args:
        queue: Its queue.
        flow: Whose turn it takes, see `flow`.
        module: Key of its module.
    """
    span = {"queue": queue, "low": 0, "high": 2**63 - 1}
    first, last = session().execute(SPAN_OF_FLOW, {**span, "value": flow}).one()
    if first is None:
        return 0
    start = ROUND * max(first // ROUND, 0 if last is None else last // ROUND + 1)
    span |= {"low": start, "high": start + ROUND - 1}
    first, last = session().execute(SPAN_OF_MODULE, {**span, "value": module}).one()
    return max(first or start, start if last is None else last + 1)


def pick(task_id: int) -> tuple[int, str] | None:
    """Return the ID and module of the task that is to run next.

    Args:
        task_id: The task whose ID came from the queue server.

    Returns:
        The next task in the queue of that one; None if no task waits there.
    """
    row = session().execute(NEXT, {"task_id": task_id, "moment": now()}).first()
    release()
    return (row.id, row.module) if row is not None else None
