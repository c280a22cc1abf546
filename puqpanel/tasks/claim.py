"""Claiming, holding and closing a row: each one conditional UPDATE, so that of two only one
succeeds.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from puqpanel.domain.task_states import WAITING, OnLoss, TaskStatus
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import Task, TaskAttempt
from puqpanel.tasks.fence import LEASE
from puqpanel.tasks.outcome import Outcome

TASKS = cast("sa.Table", Task.__table__)
ATTEMPTS = cast("sa.Table", TaskAttempt.__table__)
RESCUES = 3
"""How often one task may be taken up again after its worker vanished."""
PATIENCE = 1000
"""How often a job may answer "not done yet"."""


def claim(task_id: int, owner: str) -> Task | None:
    """Takes a waiting task that is due.

    Args:
        task_id: the row.
        owner: the holder's name.

    Returns:
        The row as it stands now, or None when somebody else has it, it is not due, or it waits for
        another.
    """
    with transaction() as current:
        moment = now()
        connection = current.connection()
        taken = connection.execute(
            sa.update(TASKS)
            .where(
                TASKS.c.id == task_id,
                TASKS.c.status.in_(WAITING),
                TASKS.c.run_at <= moment,
                TASKS.c.after_id.is_(None),
            )
            .values(
                status=TaskStatus.RUNNING,
                owner=owner,
                attempt=TASKS.c.attempt + 1,
                lease_until=moment + timedelta(seconds=LEASE),
                waiting_key=None,
                started_at=moment,
                ended_at=None,
            )
        )
        if taken.rowcount != 1:
            return None
        task = current.get_one(Task, task_id, populate_existing=True)
        connection.execute(
            sa.insert(ATTEMPTS).values(
                task_id=task_id,
                number=task.attempt,
                owner=owner,
                started_at=moment,
                outcome="",
                message="",
            )
        )
    return task


def beat(task_id: int, owner: str) -> bool:
    """Extends the lease; False when the task is no longer the owner's."""
    with transaction() as current:
        kept = current.connection().execute(
            sa.update(TASKS)
            .where(
                TASKS.c.id == task_id, TASKS.c.owner == owner, TASKS.c.status == TaskStatus.RUNNING
            )
            .values(lease_until=now() + timedelta(seconds=LEASE))
        )
        return kept.rowcount == 1


def give_back(task: Task, owner: str) -> None:
    """Undoes a claim whose job was never begun, so that the sweeper sends it again as if nothing
    had been.

    Args:
        task: the row as it was claimed.
        owner: the holder that it was claimed for.
    """
    with transaction() as current:
        connection = current.connection()
        values = {
            "status": TaskStatus.RETRYING if task.attempt > 1 else TaskStatus.QUEUED,
            "attempt": task.attempt - 1,
            "owner": None,
            "lease_until": None,
            "dispatched_at": None,
        }
        held = (
            TASKS.c.id == task.id,
            TASKS.c.owner == owner,
            TASKS.c.attempt == task.attempt,
            TASKS.c.status == TaskStatus.RUNNING,
        )
        if _put_to_wait(connection, sa.update(TASKS).where(*held), values, task.like_key)[0]:
            connection.execute(
                sa.delete(ATTEMPTS).where(
                    ATTEMPTS.c.task_id == task.id, ATTEMPTS.c.number == task.attempt
                )
            )


def _put_to_wait(
    connection: sa.Connection, update: sa.Update, values: dict[str, Any], like_key: str
) -> tuple[int, str | None]:
    """Writes a row that waits (again): how many rows that were, and the key under which it is
    the only one of its like.
    """
    try:
        with connection.begin_nested():
            return (
                connection.execute(update.values({**values, "waiting_key": like_key})).rowcount,
                like_key,
            )
    except sa.exc.IntegrityError:  # the like of it waits already, added while this one ran
        return connection.execute(update.values(values)).rowcount, None


def close(task: Task, outcome: Outcome, owner: str, attempt: int, *, expired: bool = False) -> bool:
    """Inside a transaction: the task's next state after an attempt, written only while its holder
    still holds it.

    Plain statements and not the unit of work: this runs once a task, in a child that has just been
    forked.

    Args:
        task: the row as its holder claimed it; takes the new values.
        outcome: how the attempt ended.
        owner: the holder that it ended for; the row may have gone to another since.
        attempt: the holder's attempt.
        expired: only when the lease has run out.

    Returns:
        False when the task is no longer that holder's: what this attempt did counts for nothing.
    """
    moment = now()
    status, changes = _next(task, outcome)
    values: dict[str, Any] = {
        **changes,
        "status": status,
        "note": outcome.message,
        "owner": None,
        "lease_until": None,
        "dispatched_at": None,
        "ended_at": None if status == TaskStatus.RETRYING else moment,
    }
    held = (
        TASKS.c.id == task.id,
        TASKS.c.owner == owner,
        TASKS.c.attempt == attempt,
        TASKS.c.status == TaskStatus.RUNNING,
    )
    still = (*held, TASKS.c.lease_until < moment) if expired else held
    connection = session().connection()
    update = sa.update(TASKS).where(*still)
    if status in (TaskStatus.RETRYING, TaskStatus.PARKED):
        kept, values["waiting_key"] = _put_to_wait(connection, update, values, task.like_key)
    else:
        kept = connection.execute(update.values(values)).rowcount
    if kept != 1:
        return False
    connection.execute(
        sa.update(ATTEMPTS)
        .where(ATTEMPTS.c.task_id == task.id, ATTEMPTS.c.number == attempt)
        .values(
            ended_at=moment,
            outcome=outcome.kind if outcome.kind in ("timeout", "lost") else status,
            message=outcome.message,
            output=outcome.output,
        )
    )
    for name, value in values.items():
        set_committed_value(task, name, value)
    if status != TaskStatus.RETRYING:  # a parked one may stay for days: who waits for it goes on
        release_followers(task.id)
    return True


def release_followers(task_id: int) -> None:
    """Lets those go on that waited for a task to end, each after its own backoff."""
    connection = session().connection()
    for row in connection.execute(
        sa.select(TASKS.c.id, TASKS.c.run_at, TASKS.c.backoff).where(TASKS.c.after_id == task_id)
    ).all():
        due = max(row.run_at, now() + timedelta(seconds=row.backoff))
        connection.execute(
            sa.update(TASKS).where(TASKS.c.id == row.id).values(after_id=None, run_at=due)
        )


def _next(task: Task, outcome: Outcome) -> tuple[TaskStatus, dict[str, Any]]:
    """The status that follows, and what else changes."""
    left = task.attempt < task.tries
    later = {"run_at": now() + timedelta(seconds=task.backoff)}
    sure: dict[str, Any] = {"in_doubt": False}
    match outcome.kind:
        case "completed":
            return TaskStatus.COMPLETED, sure
        case "retry":
            return (TaskStatus.RETRYING, sure | later) if left else (TaskStatus.FAILED, sure)
        case "exception":
            sure["exceptions"] = task.exceptions + 1
            return (
                (TaskStatus.RETRYING, sure | later)
                if left and sure["exceptions"] < task.max_exceptions
                else (TaskStatus.FAILED, sure)
            )
        case "again" if task.attempt < PATIENCE:
            return TaskStatus.RETRYING, later | {"tries": task.tries + 1}
        case "timeout" | "lost":
            return _after_loss(task, ended=outcome.kind == "timeout")
        case "park":
            # an attempt that never began uses up no try
            return TaskStatus.PARKED, {"tries": task.tries + 1}
        case "cancelled":
            return TaskStatus.CANCELLED, {}
        case _:
            return TaskStatus.FAILED, {}


def _after_loss(task: Task, *, ended: bool) -> tuple[TaskStatus, dict[str, Any]]:
    """What becomes of a task whose attempt was cut off: repeated or looked into where that is safe,
    else said to be lost.

    Args:
        task: the row.
        ended: whether it ran out of time (it is known to have stopped) rather than vanished.
    """
    if task.on_loss != OnLoss.LOSE and task.rescues < RESCUES:
        return TaskStatus.RETRYING, {
            "rescues": task.rescues + 1,
            "tries": max(task.tries, task.attempt + 1),
            "in_doubt": task.on_loss == OnLoss.OBSERVE,
            "run_at": now() + timedelta(seconds=task.backoff if ended else 0),
        }
    return (TaskStatus.FAILED if ended and task.on_loss == OnLoss.REPEAT else TaskStatus.LOST), {}
