"""Old tasks go, in batches: those that completed, the recurring ones soon, those that failed
never.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import Task, TaskAttempt, TaskTag
from puqpanel.operations.oversight import tasks


def test_old_completed_tasks_are_pruned(panel: Panel) -> None:
    def ended(
        title: str, days: int, status: str, job: str = "ModuleJob", tag: str = "create"
    ) -> Task:
        return Task(
            job=job,
            queue="Module",
            title=title,
            status=status,
            ended_at=now() - timedelta(days=days),
            tags=[TaskTag(tag=tag)],
            attempts=[TaskAttempt(number=1, owner="x")],
        )

    with transaction() as current:
        current.add_all(
            [
                ended("old", 400, "completed"),
                ended("old cancelled", 400, "cancelled"),
                ended("old failed", 400, "failed"),
                ended("old lost", 400, "lost"),
                ended("young", 10, "completed"),
                ended("listener", 10, "completed", job="HookJob"),
                ended("listener failed", 10, "failed", job="HookJob"),
                ended("run", 10, "completed", tag="schedule"),
                ended("young run", 1, "completed", tag="schedule"),
            ]
        )
    assert tasks.prune(0) == 0
    assert tasks.prune(365) == 4
    assert tasks.prune(365) == 0
    assert session().scalars(sa.select(Task.title).order_by(Task.id)).all() == [
        "old failed",
        "old lost",
        "young",
        "listener failed",
        "young run",
    ]
    assert session().scalar(sa.select(sa.func.count(TaskAttempt.id))) == 5
