"""Says that a task came to a bad end, to whoever listens."""

from __future__ import annotations

from puqpanel.domain.task_states import TaskStatus
from puqpanel.infra.events import raise_event
from puqpanel.models import Task

SILENT = "HookJob"
"""The job of listeners: what hears of failed tasks must not hear of its own."""


def tell(task: Task) -> None:
    """Raises `task.failed` or `task.lost` for a task that was just closed, in the same
    transaction.
    """
    if task.status in (TaskStatus.FAILED, TaskStatus.LOST) and task.job != SILENT:
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
