"""Claim, renew, release and close tasks.

Each is a conditional UPDATE, so that only one of several competing workers succeeds.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from puqpanel.domain.task_states import NOT_STARTED, OnLoss, TaskStatus
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction, write
from puqpanel.models import Task, TaskAttempt
from puqpanel.tasks import turns
from puqpanel.tasks.fence import LEASE_SECONDS
from puqpanel.tasks.outcome import Outcome

TASKS = cast("sa.Table", Task.__table__)
ATTEMPTS = cast("sa.Table", TaskAttempt.__table__)
MAX_RESCUES = 3
"""Number of times a task is retried after its worker died."""
RELEASED_SECONDS = 2
"""Time until a task whose job never started is sent again."""
MAX_POLLS = 1000
"""Number of attempts after which a job that is still not done fails."""


MOMENT = TASKS.c.run_at.type
# Built once, because each task uses them.
CLAIM = (
    sa.update(TASKS)
    .where(TASKS.c.id == sa.bindparam("task"), *turns.ready(sa.bindparam("moment", type_=MOMENT)))
    .values(
        status=TaskStatus.RUNNING,
        owner=sa.bindparam("worker"),
        attempt=TASKS.c.attempt + 1,
        lease_until=sa.bindparam("until", type_=MOMENT),
        waiting_key=None,
        turn=None,
        dispatched_at=None,
        started_at=sa.bindparam("moment", type_=MOMENT),
        ended_at=None,
    )
)
RENEW = (
    sa.update(TASKS)
    .where(
        TASKS.c.id == sa.bindparam("task"),
        TASKS.c.owner == sa.bindparam("worker"),
        TASKS.c.status == TaskStatus.RUNNING,
    )
    .values(lease_until=sa.bindparam("until", type_=MOMENT))
)
OWNED = sa.update(TASKS).where(
    TASKS.c.id == sa.bindparam("task"),
    TASKS.c.owner == sa.bindparam("worker"),
    TASKS.c.attempt == sa.bindparam("number"),
    TASKS.c.status == TaskStatus.RUNNING,
)
END_ATTEMPT = sa.update(ATTEMPTS).where(
    ATTEMPTS.c.task_id == sa.bindparam("task"), ATTEMPTS.c.number == sa.bindparam("attempt")
)
FOLLOWERS = sa.select(TASKS.c.id, TASKS.c.run_at, TASKS.c.backoff).where(
    TASKS.c.after_id == sa.bindparam("task")
)


@transaction()
def claim(task_id: int, owner: str) -> Task | None:
    """Claim a due task.

    Args:
        task_id: Primary key of the task.
        owner: Name of the worker that claims it.

    Returns:
        The current row, or None if another worker owns it, it is not due, or it has to run after
        another task.
    """
    moment = now()
    until = moment + timedelta(seconds=LEASE_SECONDS)
    connection = session().connection()
    claimed = connection.execute(
        CLAIM, {"task": task_id, "worker": owner, "moment": moment, "until": until}
    )
    if claimed.rowcount != 1:
        return None
    task = session().get_one(Task, task_id, populate_existing=True)
    connection.execute(
        sa.insert(ATTEMPTS),
        {
            "task_id": task_id,
            "number": task.attempt,
            "owner": owner,
            "started_at": moment,
            "outcome": "",
            "message": "",
        },
    )
    return task


@transaction()
def renew(task_id: int, owner: str) -> bool:
    """Renew the lease; return False if the owner has lost it."""
    until = now() + timedelta(seconds=LEASE_SECONDS)
    renewed = (
        session().connection().execute(RENEW, {"task": task_id, "worker": owner, "until": until})
    )
    return renewed.rowcount == 1


@transaction()
def release(task: Task, owner: str) -> None:
    """Undo a claim whose job never started, so that the sweeper sends the task again.

    Args:
        task: The row as it was claimed.
        owner: The owner it was claimed for.
    """
    connection = session().connection()
    fence = {"task": task.id, "worker": owner, "number": task.attempt}
    values = {
        "status": TaskStatus.RETRYING if task.attempt > 1 else TaskStatus.QUEUED,
        "attempt": task.attempt - 1,
        "owner": None,
        "lease_until": None,
        "dispatched_at": None,
        "run_at": now() + timedelta(seconds=RELEASED_SECONDS),  # what failed may fail again
    }
    if _requeue(connection, OWNED, fence | values, task.like_key)[0]:
        connection.execute(
            sa.delete(ATTEMPTS).where(
                ATTEMPTS.c.task_id == task.id, ATTEMPTS.c.number == task.attempt
            )
        )


def _requeue(
    connection: sa.Connection, update: sa.Update, values: dict[str, Any], like_key: str
) -> tuple[int, str | None]:
    """Update a row so that it is queued again; return the row count and its unique key."""
    try:
        with connection.begin_nested():
            return (
                connection.execute(update, {**values, "waiting_key": like_key}).rowcount,
                like_key,
            )
    except sa.exc.IntegrityError:  # an identical task was queued while this one ran
        return connection.execute(update, values).rowcount, None


def postpone(task_id: int, error: Exception) -> None:
    """Postpone a task that cannot be claimed by one minute, with the error in its note.

    Args:
        task_id: Primary key of the task.
        error: What its claim raised.
    """
    note = _(
        "A worker could not start this task (%(kind)s). It is retried every minute.",
        kind=type(error).__name__,
    )
    write(
        sa.update(Task)
        .where(Task.id == task_id, Task.status.in_(NOT_STARTED))
        .values(run_at=now() + timedelta(minutes=1), dispatched_at=None, turn=None, note=note)
    )


def close(task: Task, outcome: Outcome, owner: str, attempt: int, *, expired: bool = False) -> bool:
    """Write a task's next status after an attempt, if its owner still holds it.

    Call it in a transaction. It uses plain statements instead of the unit of work, because it runs
    once per task.

    Args:
        task: The row as its owner claimed it; updated with the new values.
        outcome: The outcome of the attempt.
        owner: The owner that ran the attempt.
        attempt: Number of the attempt.
        expired: Close it only if the lease has expired.

    Returns:
        False if another worker owns the task, so that the attempt has no effect.
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
        "ended_at": None if status in NOT_STARTED else moment,
    }
    connection = session().connection()
    update = OWNED.where(TASKS.c.lease_until < moment) if expired else OWNED
    fence = {"task": task.id, "worker": owner, "number": attempt}
    if status in NOT_STARTED or status == TaskStatus.PARKED:
        updated, values["waiting_key"] = _requeue(connection, update, fence | values, task.like_key)
    else:
        updated = connection.execute(update, fence | values).rowcount
    if updated != 1:
        return False
    connection.execute(
        END_ATTEMPT,
        {
            "task": task.id,
            "attempt": attempt,
            "ended_at": moment,
            "outcome": outcome.kind if outcome.kind in ("timeout", "lost") else status,
            "message": outcome.message,
            "output": outcome.output,
        },
    )
    for name, value in values.items():
        set_committed_value(task, name, value)
    if status not in NOT_STARTED:  # a task may be parked for days and must not block others
        release_followers(task.id)
    return True


def release_followers(task_id: int) -> None:
    """Make the tasks that run after a task due, each after its own backoff."""
    connection = session().connection()
    for row in connection.execute(FOLLOWERS, {"task": task_id}).all():
        due = max(row.run_at, now() + timedelta(seconds=row.backoff))
        connection.execute(
            sa.update(TASKS).where(TASKS.c.id == row.id).values(after_id=None, run_at=due)
        )


def _next(task: Task, outcome: Outcome) -> tuple[TaskStatus, dict[str, Any]]:
    """Return the next status and the other columns to change."""
    can_retry = task.attempt < task.tries
    retry_at = {"run_at": now() + timedelta(seconds=task.backoff)}
    certain: dict[str, Any] = {"in_doubt": False}
    match outcome.kind:
        case "completed":
            return TaskStatus.COMPLETED, certain
        case "retry":
            if can_retry:
                return TaskStatus.RETRYING, certain | retry_at
            return TaskStatus.FAILED, certain
        case "exception":
            certain["exceptions"] = task.exceptions + 1
            if can_retry and certain["exceptions"] < task.max_exceptions:
                return TaskStatus.RETRYING, certain | retry_at
            return TaskStatus.FAILED, certain
        case "again" if task.attempt < MAX_POLLS:
            return TaskStatus.WAITING, retry_at | {"tries": task.tries + 1}
        case "wait" if task.attempt < MAX_POLLS and outcome.until is not None:
            seconds = max(0, int((outcome.until - now()).total_seconds()))
            return TaskStatus.WAITING, {
                "run_at": outcome.until,
                "tries": task.tries + 1,
                "waited": task.waited + seconds,
            }
        case "timeout" | "lost":
            return _after_loss(task, timed_out=outcome.kind == "timeout")
        case "park":
            # The job did not start, so the attempt does not count.
            return TaskStatus.PARKED, {"tries": task.tries + 1}
        case "cancelled":
            return TaskStatus.CANCELLED, {}
        case _:
            return TaskStatus.FAILED, {}


def _after_loss(task: Task, *, timed_out: bool) -> tuple[TaskStatus, dict[str, Any]]:
    """Return the next status of a task whose attempt was interrupted.

    Args:
        task: The row.
        timed_out: Whether it timed out, so that it is known to have stopped, or its worker died.
    """
    if task.on_loss != OnLoss.LOSE and task.rescues < MAX_RESCUES:
        return TaskStatus.RETRYING, {
            "rescues": task.rescues + 1,
            "tries": max(task.tries, task.attempt + 1),
            "in_doubt": task.on_loss == OnLoss.OBSERVE,
            "run_at": now() + timedelta(seconds=task.backoff if timed_out else 0),
        }
    if timed_out and task.on_loss == OnLoss.REPEAT:
        return TaskStatus.FAILED, {}
    return TaskStatus.LOST, {}
