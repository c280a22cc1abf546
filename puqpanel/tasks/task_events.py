"""Events of failed and lost tasks."""

from __future__ import annotations

from puqpanel.domain.task_states import TaskStatus
from puqpanel.infra.events import raise_event
from puqpanel.models import Task

HOOK_JOB = "HookJob"
"""The job that delivers events to modules; its own failures publish none, to prevent a loop."""


def publish(task: Task) -> None:
    """Publish `task.failed` or `task.lost` in the transaction that closes the task."""
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
