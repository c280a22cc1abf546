"""The order in which waiting tasks run, fair to clients and to modules.

An id in the queue server says only that a task of its queue is waiting; the row with the lowest
turn runs. Turns come in rounds, as in start-time fair queueing (Goyal, Vin, Cheng: "Start-time Fair
Queueing", SIGCOMM 1996): a client's next task belongs to the round that is being served, or to the
round after that of its last task if that is later. Within a round, modules alternate in the same
way. Thus, a client or module with many tasks does not delay the others.

A row keeps its turn for a while after it has started, because a client's last turn determines its
next one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import sqlalchemy as sa

from puqpanel.domain.task_states import NOT_STARTED
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, write
from puqpanel.models import Service, Task

TASKS = cast("sa.Table", Task.__table__)
ROUND = 2**32
"""Number of places in a round: turn = round * ROUND + place."""
HAS_TURN = TASKS.c.turn.is_not(None)
"""Condition for tasks that are waiting or started recently."""
SENT = TASKS.c.dispatched_at.is_not(None)
"""Condition for tasks that are waiting for a worker."""
REMEMBERED = timedelta(minutes=1)
"""How long a task's turn is kept after its start."""


def ready(moment: datetime | sa.BindParameter[datetime]) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions of a task that a worker may claim."""
    return (
        TASKS.c.status.in_(NOT_STARTED),
        TASKS.c.run_at <= moment,
        TASKS.c.after_id.is_(None),
    )


def _last(*conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int | None]:
    chosen = (HAS_TURN, TASKS.c.queue == sa.bindparam("queue"), *conditions)
    return sa.select(sa.func.max(TASKS.c.turn)).where(*chosen).scalar_subquery()


def _first(*conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int | None]:
    chosen = (HAS_TURN, SENT, TASKS.c.queue == sa.bindparam("queue"), *conditions)
    return sa.select(sa.func.min(TASKS.c.turn)).where(*chosen).scalar_subquery()


# Built once, because each task uses them.
OF_FLOW = sa.select(_first(), _last(TASKS.c.flow == sa.bindparam("flow")))
NEWEST = sa.select(_last())
_IN_ROUND = TASKS.c.turn.between(sa.bindparam("low"), sa.bindparam("high"))
OF_MODULE = sa.select(_first(_IN_ROUND), _last(_IN_ROUND, TASKS.c.module == sa.bindparam("module")))
NEXT = (
    sa.select(TASKS.c.id, TASKS.c.module)
    .where(
        HAS_TURN,
        SENT,
        TASKS.c.queue == sa.bindparam("queue"),
        *ready(sa.bindparam("moment", type_=TASKS.c.run_at.type)),
    )
    .order_by(TASKS.c.turn, TASKS.c.id)
    .limit(1)
)


def flow(subject_type: str, subject_uuid: str, module: str) -> str:
    """Return the flow of a task: the client of its service, or else its module.

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


def mark_sent(task: Task, moment: datetime) -> None:
    """Mark a task as sent to the queue server, and give it a turn.

    Args:
        task: The row; it is to be sent after the commit.
        moment: The current time.
    """
    task.dispatched_at = moment
    task.turn = next_turn(task.queue, task.flow, task.module)


def next_turn(queue: str, flow: str, module: str) -> int:
    """Return the turn of a task that starts to wait now.

    Args:
        queue: Its queue.
        flow: Whose turn it takes, see `flow`.
        module: Key of its module.
    """
    current = session()
    first, last = current.execute(OF_FLOW, {"queue": queue, "flow": flow}).one()
    if first is None:  # nothing waits
        first = current.scalar(NEWEST, {"queue": queue}) or 0
    served = first // ROUND
    start = ROUND * max(served, -1 if last is None else last // ROUND + 1)
    places = {"queue": queue, "module": module, "low": start, "high": start + ROUND - 1}
    first, last = current.execute(OF_MODULE, places).one()
    return max(start if first is None else first, start if last is None else last + 1)


def clear_old_turns() -> None:
    """Clear the turns of tasks that started a while ago."""
    old = (
        HAS_TURN,
        TASKS.c.status.not_in(NOT_STARTED),
        sa.or_(TASKS.c.started_at.is_(None), TASKS.c.started_at < now() - REMEMBERED),
    )
    found = session().scalar(sa.select(TASKS.c.id).where(*old).limit(1))
    release()
    if found is not None:
        write(sa.update(TASKS).where(*old).values(turn=None))


def pick(queue: str) -> tuple[int, str] | None:
    """Return the ID and module of the task whose turn it is; None if no task is waiting.

    Args:
        queue: Its queue.
    """
    row = session().execute(NEXT, {"queue": queue, "moment": now()}).first()
    release()
    return (row.id, row.module) if row is not None else None
