"""The order in which waiting tasks run, fair to clients and to modules.

An id in the queue server says only that a task of its queue is waiting; the row with the lowest
turn runs. Turns come in rounds, similar to start-time fair queueing (Goyal, Vin, Cheng: "Start-time
Fair Queueing", SIGCOMM 1996): a client's first waiting task belongs to the round that is being
served, and each further one to the next round. Within a round, modules alternate in the same way.
Thus, a client or module with many tasks does not delay the others. So that no task waits forever
for tasks that keep joining the round, a worker sometimes runs the one that has been due longest.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from puqpanel.domain.task_states import NOT_STARTED, QUEUES
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, write
from puqpanel.models import Service, Task

TASKS = cast("sa.Table", Task.__table__)
ROUND = 2**20
"""Number of places in a round: turn = round * ROUND + place."""
WAITS = TASKS.c.turn >= 0
"""Condition for tasks that are waiting for a worker; implies that of the partial indexes."""
LEFTOVERS_CHECKED = 100
"""Number of the lowest turns among which turns of tasks that do not wait are looked for."""


def ready(moment: datetime | sa.BindParameter[datetime]) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions of a task that a worker may claim."""
    return (
        TASKS.c.status.in_(NOT_STARTED),
        TASKS.c.run_at <= moment,
        TASKS.c.after_id.is_(None),
    )


_WAITS_IN_QUEUE = (WAITS, TASKS.c.queue == sa.bindparam("queue"))
Selected = TypeVar("Selected", bound="sa.Select[*tuple[Any, ...]]")


def _by_index(query: Selected, index: str) -> Selected:
    """Make MariaDB use an index, whichever of its two names the database URL has."""
    hint = f"FORCE INDEX ({index})"
    return query.with_hint(TASKS, hint, "mysql").with_hint(TASKS, hint, "mariadb")


def _turn_of(
    function: Callable[..., Any], index: str, *conditions: sa.ColumnElement[bool]
) -> sa.ScalarSelect[int | None]:
    """Select the minimum or maximum turn in a queue."""
    query = sa.select(function(TASKS.c.turn)).where(*_WAITS_IN_QUEUE, *conditions)
    return _by_index(query, index).scalar_subquery()


# Built once, because each task uses them.
_IN_ROUND = TASKS.c.turn.between(sa.bindparam("low"), sa.bindparam("high"))
OF_FLOW = sa.select(
    _turn_of(sa.func.min, "ix_tasks_queue_turn"),
    _turn_of(sa.func.max, "ix_tasks_flow_turn", TASKS.c.flow == sa.bindparam("flow")),
)
OF_MODULE = sa.select(
    _turn_of(sa.func.min, "ix_tasks_queue_turn", _IN_ROUND),
    _turn_of(
        sa.func.max,
        "ix_tasks_module_turn",
        _IN_ROUND,
        TASKS.c.module == sa.bindparam("module"),
    ),
)
_READY = ready(sa.bindparam("moment", type_=TASKS.c.run_at.type))
NEXT = _by_index(
    sa.select(TASKS.c.id, TASKS.c.module)
    .where(*_WAITS_IN_QUEUE, *_READY)
    .order_by(TASKS.c.turn, TASKS.c.id)
    .limit(1),
    "ix_tasks_queue_turn",
)
# One query for each status, because each can then read an index in its order.
_OLDEST = [
    _by_index(
        sa.select(TASKS.c.id, TASKS.c.module, TASKS.c.run_at)
        .where(TASKS.c.status == status, *_WAITS_IN_QUEUE, *_READY)
        .order_by(TASKS.c.run_at)
        .limit(1),
        "ix_tasks_status_run_at",
    ).subquery()
    for status in sorted(NOT_STARTED)
]
LONGEST_DUE = sa.union_all(*map(sa.select, _OLDEST)).order_by("run_at").limit(1)
LOWEST = _by_index(
    sa.select(TASKS.c.id, TASKS.c.status)
    .where(*_WAITS_IN_QUEUE)
    .order_by(TASKS.c.turn)
    .limit(LEFTOVERS_CHECKED),
    "ix_tasks_queue_turn",
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
    task.queue = task.queue if task.queue in QUEUES else QUEUES[0]
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
    if first is None:
        return 0
    start = ROUND * max(first // ROUND, 0 if last is None else last // ROUND + 1)
    places = {"queue": queue, "module": module, "low": start, "high": start + ROUND - 1}
    first, last = current.execute(OF_MODULE, places).one()
    return max(start if first is None else first, start if last is None else last + 1)


def clear_leftovers() -> None:
    """Clear the turns of tasks that no longer wait; code before turns does not clear them."""
    for queue in QUEUES:
        lowest = session().execute(LOWEST, {"queue": queue}).all()
        release()
        left = [row.id for row in lowest if row.status not in NOT_STARTED]
        if left:
            write(
                sa.update(TASKS)
                .where(TASKS.c.id.in_(left), TASKS.c.status.not_in(NOT_STARTED))
                .values(turn=None)
            )


def pick(queue: str, *, longest_due: bool = False) -> tuple[int, str] | None:
    """Return the ID and module of the task whose turn it is; None if no task is waiting.

    Args:
        queue: Its queue.
        longest_due: Prefer the one that has been due longest.
    """
    parameters = {"queue": queue, "moment": now()}
    row = session().execute(LONGEST_DUE, parameters).first() if longest_due else None
    row = row or session().execute(NEXT, parameters).first()
    release()
    return (row.id, row.module) if row is not None else None
