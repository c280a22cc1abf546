"""What the queue server holds."""

from __future__ import annotations

from puqpanel.domain.task_states import QUEUES
from puqpanel.infra import queue


def task_ids() -> list[int]:
    """Return the task IDs in all queues, in the order of the queues."""
    jobs = [job for name in QUEUES for job in queue.queue(name).jobs]
    return [found for job in jobs if (found := queue.read_task_id(job.data)) is not None]
