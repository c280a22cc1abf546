"""The states of a task and what may be done in each."""

from __future__ import annotations

from enum import StrEnum


class TaskStatus(StrEnum):
    """Where a task stands."""

    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"
    PARKED = "parked"


class OnLoss(StrEnum):
    """What may be done with a task whose worker vanished in the middle of it."""

    REPEAT = "repeat"
    """Its job may simply run again."""
    OBSERVE = "observe"
    """Ask the provider what exists before deciding."""
    LOSE = "lose"
    """Nobody can tell: say so and leave it to staff."""


WAITING = frozenset({TaskStatus.QUEUED, TaskStatus.RETRYING})
OPEN = WAITING | {TaskStatus.RUNNING, TaskStatus.PARKED}
ENDED = frozenset(TaskStatus) - OPEN
CANCELLABLE = WAITING | {TaskStatus.PARKED}
RETRYABLE = frozenset({TaskStatus.FAILED, TaskStatus.LOST, TaskStatus.CANCELLED, TaskStatus.PARKED})

QUEUES = ("Module", "Notification", "Billing", "System")
"""The queues that workers listen to, most urgent first."""
