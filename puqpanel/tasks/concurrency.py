"""No module holds all workers: while jobs of one take long, the last worker is left to the
others.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain.task_states import WAITING, TaskStatus
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.models import Heartbeat, Task
from puqpanel.tasks.heartbeat import EVERY

SLOW = 60
"""Seconds after which a job counts as slow."""
LATER = 5
"""Seconds until a task that gave way is looked at again."""


def gives_way(task_id: int) -> bool:
    """Whether a task has to wait because slow jobs of its module hold all workers but one; it is
    then due a little later.

    Args:
        task_id: the row, not claimed yet.
    """
    moment = now()
    module = session().scalar(sa.select(Task.module).where(Task.id == task_id))
    slow = (
        session().scalar(
            sa.select(sa.func.count(Task.id)).where(
                Task.status == TaskStatus.RUNNING,
                Task.module == module,
                Task.started_at < moment - timedelta(seconds=SLOW),
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
                Heartbeat.kind == "worker", Heartbeat.at >= moment - timedelta(seconds=3 * EVERY)
            )
        )
        or 0
    )
    release()
    if workers < 2 or slow < workers - 1:
        return False
    with transaction() as current:
        current.execute(
            sa.update(Task)
            .where(Task.id == task_id, Task.status.in_(WAITING))
            .values(
                run_at=moment + timedelta(seconds=LATER),
                dispatched_at=None,
                note=(
                    f"It waits: other jobs of {module} run for long, and one worker is kept for the"
                    " rest."
                ),
            )
            .execution_options(synchronize_session=False)
        )
    return True
