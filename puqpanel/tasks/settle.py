"""Close a task after an attempt, and settle its outcome."""

from __future__ import annotations

from puqpanel.domain.task_states import TaskStatus
from puqpanel.infra.events import raise_event
from puqpanel.models import Task
from puqpanel.tasks import claim
from puqpanel.tasks.outcome import Handlers, Outcome

HOOK_JOB = "HookJob"
"""The job that delivers events to modules; its own failures publish none, to prevent a loop."""


def settle(
    task: Task, outcome: Outcome, handlers: Handlers, owner: str, *, expired: bool = False
) -> bool:
    """Close a task, let its handler settle the outcome and publish a failure.

    Needs a transaction, so that all of it happens or nothing.

    Args:
        task: The row as its owner claimed it.
        outcome: The outcome of the attempt.
        handlers: Job name → handler.
        owner: The owner that ran the attempt.
        expired: Close it only if the lease has expired.

    Returns:
        False if another worker owns the task, so that the attempt has no effect.
    """
    if not claim.close(task, outcome, owner, task.attempt, expired=expired):
        return False
    handler = handlers.get(task.job)
    if handler is not None:
        handler.settle(task, outcome)
    if task.status in (TaskStatus.FAILED, TaskStatus.LOST) and task.job != HOOK_JOB:
        raise_event(
            f"task.{task.status}",
            {
                "task_uuid": task.uuid,
                "job": task.job,
                "module": task.module,
                "service_uuid": task.service_uuid,
                "note": task.note,
            },
        )
    return True
