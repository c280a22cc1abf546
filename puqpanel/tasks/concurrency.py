"""Per-module concurrency: slow jobs of one module leave one worker to other modules."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain.task_states import NOT_STARTED, TaskStatus
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, write
from puqpanel.models import Heartbeat, Task
from puqpanel.tasks.heartbeat import EVERY

SLOW_SECONDS = 60
"""Run time after which a job counts as slow."""
DEFER_SECONDS = 5
"""Delay of a deferred task."""


def defer_if_busy(task_id: int, module: str) -> bool:
    """Defer a task if slow jobs of its module occupy all workers but one.

    Args:
        task_id: Primary key of a task that is not claimed yet.
        module: Key of its module; may be empty.

    Returns:
        True if the task was deferred.
    """
    moment = now()
    slow = (
        session().scalar(
            sa.select(sa.func.count(Task.id)).where(
                Task.status == TaskStatus.RUNNING,
                Task.module == module,
                Task.started_at < moment - timedelta(seconds=SLOW_SECONDS),
            )
        )
        if module
        else 0
    )
    if not slow:
        release()
        return False
    workers = (
        session().scalar(
            sa.select(sa.func.count(Heartbeat.id)).where(
                Heartbeat.kind == "worker", Heartbeat.is_near(moment, 3 * EVERY)
            )
        )
        or 0
    )
    release()
    if workers < 2 or slow < workers - 1:
        return False
    write(
        sa.update(Task)
        .where(Task.id == task_id, Task.status.in_(NOT_STARTED))
        .values(
            run_at=moment + timedelta(seconds=DEFER_SECONDS),
            dispatched_at=None,
            turn=None,
            note=_(
                "Deferred: long-running jobs of %(module)s occupy all workers except one, which"
                " is reserved for other modules.",
                module=module,
            ),
        )
    )
    return True
