"""Slow jobs of one module leave one worker to everybody else."""

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
            age = timedelta(seconds=concurrency.SLOW * 2 if number < slow else 1)
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
    ("workers", "slow", "quick", "waits"),
    [
        (2, 1, 0, True),
        (2, 0, 5, False),
        (4, 2, 9, False),
        (4, 3, 0, True),
        (1, 1, 0, False),
        (2, 0, 0, False),
    ],
)
def test_the_last_worker_is_left_to_others(
    panel: Panel, workers: int, slow: int, quick: int, waits: bool
) -> None:
    stage(workers, slow, quick)
    mine = add.add(job="ModuleJob", module="Product/Slow", data={"method": "x"})
    other = add.add(job="ModuleJob", module="Product/Other", data={"method": "x"})
    release()
    assert concurrency.gives_way(mine.id) is waits
    assert concurrency.gives_way(other.id) is False
    row = (
        session()
        .scalars(
            sa.select(Task).where(Task.id == mine.id).execution_options(populate_existing=True)
        )
        .one()
    )
    assert (row.run_at > now(), row.dispatched_at is None, "one worker is kept" in row.note) == (
        waits,
        waits,
        waits,
    )
