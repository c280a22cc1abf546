"""What the queue server holds."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain.task_states import QUEUES
from puqpanel.infra import queue
from puqpanel.infra.clock import now
from puqpanel.infra.db import transaction
from puqpanel.models import Task
from puqpanel.tasks import sweep


def task_ids() -> list[int]:
    """Return the task IDs in all queues, in the order of the queues."""
    jobs = [job for name in QUEUES for job in queue.queue(name).jobs]
    return [found for job in jobs if (found := queue.read_task_id(job.data)) is not None]


def sent_long_ago() -> None:
    """Make the ids of all tasks old enough to count as lost if they are not in a queue."""
    late = now() - timedelta(seconds=sweep.SEND_GRACE_SECONDS + 1)
    with transaction() as current:
        current.execute(
            sa.update(Task).where(Task.dispatched_at.is_not(None)).values(dispatched_at=late)
        )
