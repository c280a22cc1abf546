"""The owner of the task that runs in this process, and the exceptions that interrupt a job.

The worker sends the owner with each task to its child. SDK calls that write during a job first
check that the owner still holds the task's lease.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

import sqlalchemy as sa

from puqpanel.domain.task_states import TaskStatus
from puqpanel.infra.db import session
from puqpanel.models import Task

LEASE_SECONDS = 20
"""Time after which an unrenewed lease expires and the task is recovered."""
RENEW_SECONDS = 5
"""Interval between lease renewals."""


class JobEnded(BaseException):
    """Interrupts a job.

    Not an Exception, so that a broad `except Exception` in a module does not swallow it.
    """


class TimedOut(JobEnded):
    """The job exceeded its timeout."""


class LeaseLost(JobEnded):
    """Lease lost: another worker owns the task, so this attempt has no effect."""


@dataclass(frozen=True, slots=True)
class RunningTask:
    """The task that runs in this process."""

    task_id: int
    attempt: int
    owner: str
    like_key: str


current: ContextVar[RunningTask | None] = ContextVar("running_task", default=None)
_owner = "inline"
_claimed: Task | None = None


def set_owner(owner: str) -> None:
    """Set the owner of the task that this process runs, and of those that it claims."""
    global _owner
    _owner = owner


def owner() -> str:
    """Return the owner of the tasks that this process claims."""
    return _owner


def hand_over(task: Task | None) -> None:
    """Store a task that the parent claimed for this process; None clears it."""
    global _claimed
    _claimed = task


def take_over(task_id: int) -> Task | None:
    """Return the task that the parent claimed, once; None if this process has to claim it."""
    global _claimed
    task, _claimed = _claimed, None
    return task if task is not None and task.id == task_id else None


def check() -> None:
    """Lock the row of the task that runs in this process; call it in a transaction.

    Raises:
        LeaseLost: Another worker owns the task.
    """
    running = current.get()
    if running is None:
        return
    row = (
        session()
        .execute(
            sa.select(Task.id)
            .where(
                Task.id == running.task_id,
                Task.owner == running.owner,
                Task.attempt == running.attempt,
                Task.status == TaskStatus.RUNNING,
            )
            .with_for_update()
        )
        .first()
    )
    if row is None:
        raise LeaseLost(f"{running.owner} no longer owns task {running.task_id}")
