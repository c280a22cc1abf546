"""Claiming, holding and closing a row: each one conditional UPDATE, so that of two only one succeeds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import sqlalchemy as sa

from puqpanel.domain.task_states import WAITING, OnLoss, TaskStatus
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import Task, TaskAttempt
from puqpanel.tasks.fence import LEASE
from puqpanel.tasks.outcome import Outcome

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
        The row as it stands now, or None when somebody else has it, it is not due, or it waits for another.
    """
    with transaction() as current:
        moment = now()
        taken = current.execute(
            sa.update(Task)
            .where(Task.id == task_id, Task.status.in_(WAITING), Task.run_at <= moment, Task.after_id.is_(None))
            .values(status=TaskStatus.RUNNING, owner=owner, attempt=Task.attempt + 1, lease_until=moment + timedelta(seconds=LEASE),
                    waiting_key=None, started_at=moment, ended_at=None)
            .execution_options(synchronize_session=False)
        )
        if cast("sa.CursorResult[Any]", taken).rowcount != 1:
            return None
        task = current.get_one(Task, task_id, populate_existing=True)
        current.execute(sa.insert(TaskAttempt).values(task_id=task_id, number=task.attempt, owner=owner, started_at=moment, outcome="", message=""))
    return task


def beat(task_id: int, owner: str) -> bool:
    """Extends the lease; False when the task is no longer the owner's."""
    with transaction() as current:
        kept = current.execute(
            sa.update(Task).where(Task.id == task_id, Task.owner == owner, Task.status == TaskStatus.RUNNING)
            .values(lease_until=now() + timedelta(seconds=LEASE)).execution_options(synchronize_session=False)
        )
        return cast("sa.CursorResult[Any]", kept).rowcount == 1


def lock_held(task_id: int, owner: str, attempt: int) -> Task | None:
    """Inside a transaction: the row, locked, or None when it is no longer that owner's."""
    task = session().scalar(
        sa.select(Task).where(Task.id == task_id).with_for_update().execution_options(populate_existing=True)
    )
    if task is None or (task.owner, task.attempt, task.status) != (owner, attempt, TaskStatus.RUNNING):
        return None
    return task


def close(task: Task, outcome: Outcome) -> None:
    """Inside a transaction, on a locked row: the task's next state after an attempt.

    Args:
        task: a running row held by the caller.
        outcome: how the attempt ended.
    """
    moment = now()
    status, wait = _next(task, outcome)
    _end_attempt(task, outcome, status)
    task.status, task.note = status, outcome.message
    task.owner = task.lease_until = task.dispatched_at = None
    task.ended_at = None if status == TaskStatus.RETRYING else moment
    if status == TaskStatus.RETRYING:
        task.run_at = moment + timedelta(seconds=wait)
        other = session().scalar(sa.select(Task.id).where(Task.waiting_key == task.like_key))
        task.waiting_key = task.like_key if other is None else None
    elif status != TaskStatus.PARKED:
        release_followers(task.id)


def release_followers(task_id: int) -> None:
    """Lets those go on that waited for a task to end, each after its own backoff."""
    for follower in session().scalars(sa.select(Task).where(Task.after_id == task_id).with_for_update()):
        follower.after_id = None
        follower.run_at = max(follower.run_at, now() + timedelta(seconds=follower.backoff))


def _next(task: Task, outcome: Outcome) -> tuple[TaskStatus, int]:
    """The status that follows, and the seconds to wait where it is retrying."""
    left = task.attempt < task.tries
    match outcome.kind:
        case "completed":
            task.in_doubt = False
            return TaskStatus.COMPLETED, 0
        case "retry":
            task.in_doubt = False
            return (TaskStatus.RETRYING, task.backoff) if left else (TaskStatus.FAILED, 0)
        case "exception":
            task.in_doubt = False
            task.exceptions += 1
            return (TaskStatus.RETRYING, task.backoff) if left and task.exceptions < task.max_exceptions else (TaskStatus.FAILED, 0)
        case "again" if task.attempt < PATIENCE:
            task.tries += 1
            return TaskStatus.RETRYING, task.backoff
        case "timeout" | "lost":
            return after_loss(task, ended=outcome.kind == "timeout")
        case "park":
            # an attempt that never began uses up no try
            task.tries += 1
            return TaskStatus.PARKED, 0
        case "cancelled":
            return TaskStatus.CANCELLED, 0
        case _:
            return TaskStatus.FAILED, 0


def after_loss(task: Task, *, ended: bool) -> tuple[TaskStatus, int]:
    """What becomes of a task whose attempt was cut off: repeated or looked into where that is safe, else said to be lost.

    Args:
        task: the row, locked.
        ended: whether it ran out of time (it is known to have stopped) rather than vanished.
    """
    if task.on_loss != OnLoss.LOSE and task.rescues < RESCUES:
        task.rescues += 1
        task.tries = max(task.tries, task.attempt + 1)
        task.in_doubt = task.on_loss == OnLoss.OBSERVE
        return TaskStatus.RETRYING, task.backoff if ended else 0
    return (TaskStatus.FAILED if ended and task.on_loss == OnLoss.REPEAT else TaskStatus.LOST), 0


def _end_attempt(task: Task, outcome: Outcome, status: TaskStatus) -> None:
    session().execute(
        sa.update(TaskAttempt).where(TaskAttempt.task_id == task.id, TaskAttempt.number == task.attempt)
        .values(ended_at=now(), outcome=status if outcome.kind not in ("timeout", "lost") else outcome.kind, message=outcome.message, output=outcome.output)
        .execution_options(synchronize_session=False)
    )
