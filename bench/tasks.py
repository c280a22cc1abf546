"""Overhead of a task compared with a bare RQ job, and recovery time after a kill."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator
from typing import Any

import rq
import sqlalchemy as sa
from rq.serializers import JSONSerializer
from rq.worker import Worker

from bench.measure import backend, figure, interleaved, seconds, temporary_panel
from puqpanel.domain.task_states import OnLoss, TaskStatus
from puqpanel.infra import queue
from puqpanel.infra.db import dispose_engines, engine_for, release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.jobs import entry
from puqpanel.live import Live
from puqpanel.models import Setting, Task
from puqpanel.tasks import add, sweep
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


def bare_job(number: int) -> None:
    """Run one committed UPDATE on the child's own engine."""
    with (
        engine_for(URL).connect().execution_options(panel_write=True) as connection,
        connection.begin(),
    ):
        connection.execute(
            sa.update(Setting).where(Setting.name == "bench").values(value=str(number))
        )


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
        count = n or 60
        # A reader, as in a panel that serves pages: without one, SQLite checkpoints its WAL each
        # time the worker closes its connections before a fork.
        reader = _fork(_hold_open)
        ours, bare = interleaved(lambda: _ours(live, count), lambda: _bare(count))
        os.kill(reader, signal.SIGKILL)
        os.waitpid(reader, 0)
        yield figure("task overhead", backend(URL), ours * 1000, bare * 1000, "ms per job", 1.25)
        for target in ("child", "worker", "both"):
            yield figure(
                f"recovery after killing {target}",
                backend(URL),
                _recovery_seconds(settings, live, target),
                None,
                "s",
                90,
                absolute=True,
            )


def _ours(live: Live, count: int) -> float:
    app = live.ensure()
    with app.app_context():
        for number in range(count):
            add.add(job="Sleep", data={"n": uuid.uuid4().hex, "i": number})
        release()
    return _drain(live, count)


def _drain(live: Live, count: int) -> float:
    server = queue.connect(queue.server_url())
    worker = PanelWorker(
        [queue.queue("Module", server)],
        name=uuid.uuid4().hex,
        connection=server,
        serializer=JSONSerializer,
        ensure_app=live.ensure,
        handlers=entry.HANDLERS,
        log_job_description=False,
        default_result_ttl=0,
    )
    return seconds(lambda: worker.work(burst=True, logging_level="ERROR")) / count


def _hold_open() -> None:
    with engine_for(URL).connect() as connection:
        connection.execute(sa.select(Setting.name)).all()
        connection.rollback()
        signal.pause()


class BareWorker(Worker):  # type: ignore[misc]
    """Standard RQ worker that does not share connections with its children."""

    def fork_work_horse(self, *args: Any) -> None:
        """Close the parent's connections before the fork."""
        dispose_engines()
        super().fork_work_horse(*args)


def _bare(count: int) -> float:
    server = queue.connect(queue.server_url())
    bare = rq.Queue("bare", connection=server, serializer=JSONSerializer)
    bare_job(0)
    for number in range(count):
        bare.enqueue_call("bench.tasks.bare_job", args=(number,), result_ttl=0)
    worker = BareWorker(
        [bare],
        connection=server,
        serializer=JSONSerializer,
        name=uuid.uuid4().hex,
        log_job_description=False,
        default_result_ttl=0,
    )
    return seconds(lambda: worker.work(burst=True, logging_level="ERROR")) / count


def _recovery_seconds(settings: Settings, live: Live, target: str) -> float:
    """Return the seconds from the kill to the end of the second attempt."""
    dispose_engines()
    workers = [_fork(lambda: run_worker(Live(settings).ensure, entry.HANDLERS)) for _ in range(2)]
    app = live.ensure()
    with app.app_context():
        task = add.add(
            job="Sleep", data={"sleep": 300, "n": uuid.uuid4().hex}, on_loss=OnLoss.REPEAT
        )
        while (row := _row(task.id)).status != TaskStatus.RUNNING:
            time.sleep(0.05)
        owner_pid = int(str(row.owner).split("/")[0].rsplit("-", 1)[1])
        children = _children(owner_pid)
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


def _fork(target: Any) -> int:
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
