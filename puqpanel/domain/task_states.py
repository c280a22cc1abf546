"""The states of a task and the actions allowed in each."""

from __future__ import annotations

from enum import StrEnum

from puqpanel.domain.texts import _c


class TaskStatus(StrEnum):
    """The status of a task."""

    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    WAITING = "waiting"
    """For the provider; an attempt that ends this way uses up no try."""
    COMPLETED = "completed"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"
    PARKED = "parked"


class OnLoss(StrEnum):
    """What to do with a task whose worker crashed in mid-job."""

    REPEAT = "repeat"
    """Run the job again."""
    OBSERVE = "observe"
    """Ask the provider through `observe()` before deciding."""
    LOSE = "lose"
    """Mark the task as lost and leave the decision to staff."""


LABELS = {
    TaskStatus.QUEUED: _c("task", "Queued"),
    TaskStatus.RUNNING: _c("task", "Running"),
    TaskStatus.RETRYING: _c("task", "Retrying"),
    TaskStatus.WAITING: _c("task", "Waiting"),
    TaskStatus.COMPLETED: _c("task", "Completed"),
    TaskStatus.FAILED: _c("task", "Failed"),
    TaskStatus.LOST: _c("task", "Lost"),
    TaskStatus.CANCELLED: _c("task", "Cancelled"),
    TaskStatus.PARKED: _c("task", "Parked"),
}
NOT_STARTED = frozenset({TaskStatus.QUEUED, TaskStatus.RETRYING, TaskStatus.WAITING})
"""A worker may start these as soon as they are due."""
OPEN = NOT_STARTED | {TaskStatus.RUNNING, TaskStatus.PARKED}
ENDED = frozenset(TaskStatus) - OPEN
CANCELLABLE = NOT_STARTED | {TaskStatus.PARKED}
RETRYABLE = frozenset({TaskStatus.FAILED, TaskStatus.LOST, TaskStatus.CANCELLED, TaskStatus.PARKED})

QUEUES = ("Module", "Notification", "Billing", "System")
"""The queues that workers serve, highest priority first; a long queue does not stop others."""
