"""Overhead of a task compared with a bare RQ job, and recovery time after a kill."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from rq.serializers import JSONSerializer

from bench.bare_task import cpu
from bench.measure import ROUNDS, backend, figure, seconds, temporary_panel
from puqpanel.domain.task_states import QUEUES, OnLoss, TaskStatus
from puqpanel.infra import queue
from puqpanel.infra.db import dispose_engines, engine_for, release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.jobs import entry
from puqpanel.live import Live
from puqpanel.models import Setting, Task
from puqpanel.tasks import add, fence, sweep
from puqpanel.tasks.outcome import Outcome
from puqpanel.tasks.worker import PanelWorker, run_worker, warm

URL = ""


class Sleep:
    """Handler that sleeps in its first attempt."""

    def run(self, task: Task) -> Outcome:
        """Sleep for the number of seconds in the task's data."""
        time.sleep(task.data.get("sleep", 0) if task.attempt == 1 else 0)
        return Outcome("completed")

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Do nothing."""


def figures(n: int | None, database: str | None) -> Iterator[dict[str, object]]:
    """Measure the overhead of a task, and the recovery time after killing worker, child or both.

    Args:
        n: Number of tasks per run; 60 by default.
        database: URL of an empty database; by default, SQLite.
    """
    global URL
    entry.HANDLERS["Sleep"] = Sleep()
    with temporary_panel(database) as settings:
        URL = settings.database_url
        live = Live(settings)
        app = live.ensure()
        with app.app_context(), transaction() as current:
            current.add(Setting(name="bench", value=""))
        with app.app_context():
            warm()
        count = n or 100
        # A reader, as in a panel that serves pages: without one, SQLite checkpoints its WAL each
        # time the last connection is closed.
        reader = fork(_hold_open)
        runs = [(_ours(live, count), _bare(settings, count)) for _ in range(ROUNDS)]
        os.kill(reader, signal.SIGKILL)
        os.waitpid(reader, 0)
        for place, name in enumerate(("task, elapsed", "task, CPU")):
            ours, bare = (
                statistics.median(run[side][place] for run in runs) / count * 1000
                for side in (0, 1)
            )
            yield figure(name, backend(URL), ours, bare, "ms per task", 0.3)
        for target in ("child", "worker", "both"):
            yield figure(
                f"recovery after killing {target}",
                backend(URL),
                _recovery_seconds(settings, live, target),
                None,
                "s",
                30,
                absolute=True,
            )


def _ours(live: Live, count: int) -> tuple[float, float]:
    """Return elapsed and CPU seconds of a worker that runs tasks, with its children."""
    app = live.ensure()
    with app.app_context():
        for number in range(count):
            add.add(job="Sleep", data={"n": uuid.uuid4().hex, "i": number})
        release()
    server = queue.connect(queue.server_url())
    worker = PanelWorker(
        [queue.queue(name, server) for name in QUEUES],
        name=uuid.uuid4().hex,
        connection=server,
        serializer=JSONSerializer,
        ensure_app=live.ensure,
        handlers=entry.HANDLERS,
        job_monitoring_interval=fence.RENEW_SECONDS,
        log_job_description=False,
        default_result_ttl=0,
    )
    used = cpu()
    elapsed = seconds(lambda: worker.work(burst=True, logging_level="ERROR"))
    used = cpu() - used
    with app.app_context():
        left = session().scalar(
            sa.select(sa.func.count(Task.id)).where(Task.status != TaskStatus.COMPLETED)
        )
        release()
    if left:
        raise RuntimeError(f"{left} of {count} tasks are not completed")
    return elapsed, used


def _bare(settings: Settings, count: int) -> tuple[float, float]:
    """Return the same of RQ's own worker; see `bench.bare_task`."""
    code = f"import bare_task; bare_task.main({settings.redis_url!r}, {count})"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent),
            "BENCH_DATABASE": settings.database_url,
        },
        stdout=subprocess.PIPE,
        check=True,
    )
    elapsed, used, last = json.loads(ran.stdout)
    if last != count:
        raise RuntimeError(f"the bare jobs wrote {last} instead of {count}")
    return elapsed, used


def _hold_open() -> None:
    with engine_for(URL).connect() as connection:
        connection.execute(sa.select(Setting.name)).all()
        connection.rollback()
        signal.pause()


def _recovery_seconds(settings: Settings, live: Live, target: str) -> float:
    """Return the seconds from the kill to the end of the second attempt."""
    dispose_engines()
    workers = [fork(lambda: run_worker(Live(settings).ensure, entry.HANDLERS)) for _ in range(2)]
    app = live.ensure()
    with app.app_context():
        task = add.add(
            job="Sleep", data={"sleep": 300, "n": uuid.uuid4().hex}, on_loss=OnLoss.REPEAT
        )
        while (row := _row(task.id)).status != TaskStatus.RUNNING:
            time.sleep(0.05)
        owner_pid = int(str(row.owner).split("/")[0].rsplit("-", 1)[1])
        while not (children := _children(owner_pid)):  # it is forked after the claim
            time.sleep(0.01)
        pids = {"child": children, "worker": [owner_pid], "both": [owner_pid, *children]}
        for pid in pids[target]:
            os.kill(pid, signal.SIGKILL)
        killed_at = time.perf_counter()
        while _row(task.id).status != TaskStatus.COMPLETED:
            sweep.rescue(entry.HANDLERS)
            sweep.send_due()
            time.sleep(0.5)
        recovery_seconds = time.perf_counter() - killed_at
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return recovery_seconds


def _row(task_id: int) -> Task:
    release()
    return session().get_one(Task, task_id, populate_existing=True)


def fork(target: Any) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            target()
        finally:
            os._exit(0)
    return pid


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]
