"""Who holds the task that runs in this process, and the errors that end a job from outside.

The parent names the holder before it forks. Whatever a job writes through the SDK first checks that
the holder still is the holder.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

import sqlalchemy as sa

from puqpanel.domain.task_states import TaskStatus
from puqpanel.infra.db import session
from puqpanel.models import Task

LEASE = 20
"""Seconds that a holder may be silent before its task is taken from it."""
BEAT = 5
"""Seconds between two signs of life."""


class JobEnded(BaseException):
    """Ends a job from outside.

    Not an Exception: a module's broad `except Exception` must not swallow it.
    """


class TimedOut(JobEnded):
    """The job took longer than its timeout."""


class LeaseLost(JobEnded):
    """The task was taken from this process, which was believed dead; what it does now counts
    for nothing.
    """


@dataclass(frozen=True, slots=True)
class Held:
    """The task that runs here."""

    task_id: int
    attempt: int
    owner: str
    like_key: str


current: ContextVar[Held | None] = ContextVar("held_task", default=None)
_owner = "inline"
_handed: Task | None = None


def set_owner(owner: str) -> None:
    """Names this process (or the child it is about to fork) as holder of what it claims."""
    global _owner
    _owner = owner


def owner() -> str:
    """The name under which this process claims."""
    return _owner


def hand_over(task: Task | None) -> None:
    """Keeps a task that the parent has claimed for the child that it is about to fork; None
    once that is done.
    """
    global _handed
    _handed = task


def take_over(task_id: int) -> Task | None:
    """The task that the parent has claimed, once; None where this process has to claim for
    itself.
    """
    global _handed
    task, _handed = _handed, None
    return task if task is not None and task.id == task_id else None


def check() -> None:
    """Inside a transaction: locks the row of the task that runs here.

    Raises:
        LeaseLost: it is no longer this process's.
    """
    held = current.get()
    if held is None:
        return
    row = (
        session()
        .execute(
            sa.select(Task.id)
            .where(
                Task.id == held.task_id,
                Task.owner == held.owner,
                Task.attempt == held.attempt,
                Task.status == TaskStatus.RUNNING,
            )
            .with_for_update()
        )
        .first()
    )
    if row is None:
        raise LeaseLost(f"task {held.task_id} was taken from {held.owner}")
