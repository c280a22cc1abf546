"""Slow jobs of one module leave one worker to other modules."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.models import Heartbeat, Task
from puqpanel.tasks import add, concurrency


def stage(workers: int, slow: int, quick: int = 0) -> None:
    with transaction() as current:
        current.add_all(
            Heartbeat(kind="worker", name=f"w{n}", host="h", pid=n, at=now())
            for n in range(workers)
        )
        current.add(
            Heartbeat(kind="worker", name="silent", host="h", pid=0, at=now() - timedelta(hours=1))
        )
        for number in range(slow + quick):
            age = timedelta(seconds=concurrency.SLOW_SECONDS * 2 if number < slow else 1)
            current.add(
                Task(
                    job="ModuleJob",
                    queue="Module",
                    module="Product/Slow",
                    status="running",
                    started_at=now() - age,
                )
            )


@pytest.mark.parametrize(
    ("workers", "slow", "quick", "deferred"),
    [
        (2, 1, 0, True),
        (2, 0, 5, False),
        (4, 2, 9, False),
        (4, 3, 0, True),
        (1, 1, 0, False),
        (2, 0, 0, False),
    ],
)
def test_slow_jobs_leave_the_last_worker_to_other_modules(
    panel: Panel, workers: int, slow: int, quick: int, deferred: bool
) -> None:
    stage(workers, slow, quick)
    mine = add.add(job="ModuleJob", module="Product/Slow", data={"method": "x"})
    other = add.add(job="ModuleJob", module="Product/Other", data={"method": "x"})
    release()
    assert concurrency.defer_if_busy(mine.id, mine.module) is deferred
    assert concurrency.defer_if_busy(other.id, other.module) is False
    row = (
        session()
        .scalars(
            sa.select(Task).where(Task.id == mine.id).execution_options(populate_existing=True)
        )
        .one()
    )
    assert (
        row.run_at > now(),
        row.dispatched_at is None,
        "reserved for other modules" in str(row.note),
    ) == (
        deferred,
        deferred,
        deferred,
    )
