"""The worker process: badly timed signals, and loss of the queue server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog

from puqpanel.app import Panel
from puqpanel.infra import queue
from puqpanel.infra.db import release, session
from puqpanel.infra.queue_server import QueueServer, connection_url
from puqpanel.infra.settings import ROOT, Settings
from puqpanel.models import Heartbeat, Task, TaskAttempt
from puqpanel.tasks import add
from puqpanel.tasks.worker import PanelWorker

SLOW = """
import sys, time
from pathlib import Path
from puqpanel.infra.settings import Settings
from puqpanel.jobs.entry import HANDLERS
from puqpanel.live import Live
from puqpanel.tasks.worker import run_worker

live, slow = Live(Settings.load()), Path(sys.argv[1])

def ensure():
    if slow.exists():  # as a swap with many modules is
        slow.rename(slow.with_suffix(".now"))
        time.sleep(3)
    return live.ensure()

run_worker(ensure, HANDLERS)
"""


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a worker process of this panel."""
    processes: list[subprocess.Popen[bytes]] = []

    def run(redis_url: str = "") -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "PUQPANEL_INSTANCE": str(settings.instance),
            "PUQPANEL_DATABASE_URL": settings.database_url,
            "PUQPANEL_REDIS_URL": redis_url or settings.redis_url,
            "PUQPANEL_MODULES_DIR": str(settings.modules_dir),
            "PYTHONPATH": str(ROOT),
        }
        process = subprocess.Popen(
            [sys.executable, "-c", SLOW, str(tmp_path / "slow")], env=environment, cwd=ROOT
        )
        processes.append(process)
        until(
            lambda: (
                session().scalar(sa.select(Heartbeat.id).where(Heartbeat.pid == process.pid))
                is not None
            )
        )
        return process

    yield run
    for process in processes:
        process.kill()
        process.wait()


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        release()
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_stop_during_a_swap_is_honoured_and_loses_no_task(
    panel: Panel, start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    process = start()
    (tmp_path / "slow").touch()
    task = add.add(job="Nonsense")
    until((tmp_path / "slow.now").exists)
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(60) == 0
    finally:
        process.kill()
    release()
    assert session().execute(
        sa.select(Task.status, Task.attempt).where(Task.id == task.id)
    ).one() == ("queued", 0)


def test_a_stop_while_the_queue_server_is_unavailable_is_honoured(
    panel: Panel, start: Callable[..., subprocess.Popen[bytes]], short_folder: Path
) -> None:
    folder = short_folder / "away"
    folder.mkdir()
    with QueueServer(folder):
        process = start(connection_url(folder))
        time.sleep(1)
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_a_claimed_task_that_never_started_is_released(panel: Panel, short_folder: Path) -> None:
    folder = short_folder / "going"
    folder.mkdir()
    with QueueServer(folder):
        queue.use_server(connection_url(folder))
        server = queue.connect(queue.server_url())
        task = add.add(job="Nonsense")
        rq_queue = queue.queue("Module", server)
        worker = PanelWorker(
            [rq_queue],
            name="w",
            connection=server,
            serializer=rq_queue.serializer,
            ensure_app=lambda: panel,
            handlers={},
        )
        job = rq_queue.fetch_job(rq_queue.job_ids[0])
    assert job is not None
    with pytest.raises(queue.QueueError):
        worker.execute_job(job, rq_queue)
    release()
    row = session().get_one(Task, task.id, populate_existing=True)
    assert (row.status, row.attempt, row.owner, row.dispatched_at, row.waiting_key) == (
        "queued",
        0,
        None,
        None,
        row.like_key,
    )
    assert session().scalars(sa.select(TaskAttempt.id)).all() == []


def test_a_worker_logs_that_the_database_is_unavailable_and_goes_on(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = queue.connect(queue.server_url())
    rq_queue = queue.queue("Module", server)
    worker = PanelWorker(
        [rq_queue],
        name="w",
        connection=server,
        serializer=rq_queue.serializer,
        ensure_app=lambda: panel,
        handlers={},
    )

    def unavailable(*_: object) -> None:
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("gone"))

    with monkeypatch.context() as patch, structlog.testing.capture_logs() as entries:
        patch.setattr("puqpanel.tasks.worker.heartbeat.beat", unavailable)
        worker.beat()
    assert [entry["event"] for entry in entries] == ["heartbeat could not be saved"]
    worker.last_beat = -1000.0
    worker.beat()
    release()
    assert session().scalars(sa.select(Heartbeat.name)).all() == ["w"]
