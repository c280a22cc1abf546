"""Children of a worker: how long one is reused, and what replaces it."""

from __future__ import annotations

import contextlib
import ctypes
import decimal
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from rq.command import handle_command

from puqpanel.app import Panel
from puqpanel.domain.task_states import QUEUES
from puqpanel.infra import queue
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session
from puqpanel.models import Task, TaskAttempt
from puqpanel.tasks import add, worker
from puqpanel.tasks.child import Child, Report
from puqpanel.tasks.outcome import Outcome
from puqpanel.tasks.worker import PanelWorker

KEPT: list[Any] = []
LEAK: ContextVar[str] = ContextVar("leak", default="")


class Acts:
    """Runs the function that a task names, and reports its process."""

    def __init__(self, **acts: Callable[[], Any]) -> None:
        self.acts = acts

    def run(self, task: Task) -> Outcome:
        value = self.acts[task.data["act"]]()
        pid = {"pid": os.getpid(), "value": value if isinstance(value, str) else ""}
        return value if isinstance(value, Outcome) else Outcome("completed", output=pid)

    def settle(self, task: Task, outcome: Outcome) -> None:
        pass


class Pool:
    """A worker in this process."""

    def __init__(self, panel: Panel) -> None:
        self.apps, self.tasks_per_child = [panel], 25

    def run(self, handler: Acts, *acts: str, timeout: int = 600) -> list[Task]:
        """Run tasks in their order, and return their rows."""
        tasks = [
            add.add(job="Test", data={"act": act, "n": uuid.uuid4().hex}, timeout=timeout)
            for act in acts
        ]
        release()
        server = queue.connect(queue.server_url())
        apps = self.apps
        PanelWorker(
            [queue.queue(name, server) for name in QUEUES],
            name=uuid.uuid4().hex,
            connection=server,
            serializer=queue.queue("Module").serializer,
            ensure_app=lambda: apps.pop(0) if len(apps) > 1 else apps[0],
            handlers={"Test": handler},
            tasks_per_child=self.tasks_per_child,
            job_monitoring_interval=1,
        ).work(burst=True, logging_level="WARNING")
        return [session().get_one(Task, task.id, populate_existing=True) for task in tasks]


@pytest.fixture
def pool(panel: Panel) -> Pool:
    return Pool(panel)


def outputs() -> list[Any]:
    release()
    rows = session().scalars(sa.select(TaskAttempt).order_by(TaskAttempt.id))
    return [row.output for row in rows]


def pids() -> list[int]:
    return [one["pid"] for one in outputs() if one and "pid" in one]


def test_one_child_runs_several_tasks(pool: Pool) -> None:
    pool.tasks_per_child = 3
    rows = pool.run(Acts(nothing=lambda: None), *["nothing"] * 7)
    assert [row.status for row in rows] == ["completed"] * 7
    found = pids()
    assert len(set(found[:3])) == len(set(found[3:6])) == 1 and len(set(found)) == 3
    assert os.getpid() not in found
    assert list(queue.connection().scan_iter("rq:job:*")) == []


def test_with_one_task_per_child_each_has_its_own(pool: Pool) -> None:
    pool.tasks_per_child = 1
    pool.run(Acts(nothing=lambda: None), *["nothing"] * 3)
    assert len(set(pids())) == 3


@pytest.mark.parametrize(
    "outcome",
    [Outcome("again"), Outcome("wait", until=now() + timedelta(hours=1)), Outcome("park")],
    ids=lambda outcome: outcome.kind,
)
def test_a_task_that_is_not_done_yet_keeps_the_child(pool: Pool, outcome: Outcome) -> None:
    pool.run(Acts(nothing=lambda: None, waits=lambda: outcome), "nothing", "waits", "nothing")
    assert len(set(pids())) == 1


def _thread() -> None:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def _grow() -> None:
    KEPT.append(bytearray(os.urandom(1)) * (200 * 2**20))


def _fork() -> None:
    if os.fork():
        os.wait()


def _raise() -> None:
    raise ValueError("no")


REPLACING: dict[str, Callable[[], Any]] = {
    "failed": lambda: Outcome("failed"),
    "retry": lambda: Outcome("retry"),
    "raises": _raise,
    "thread": _thread,
    "growth": _grow,
    "environment": lambda: os.environ.update(LEAK="1"),
    "folder": lambda: os.chdir("/"),
    "umask": lambda: os.umask(0o777),
    "signal": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "path": lambda: sys.path.append("/nowhere"),
    "socket timeout": lambda: socket.setdefaulttimeout(1),
    "decimal": lambda: setattr(decimal.getcontext(), "prec", 3),
    "recursion": lambda: sys.setrecursionlimit(5000),
    "fork": _fork,
    "output": lambda: setattr(sys, "stdout", sys.stderr),
}


@pytest.mark.parametrize("act", REPLACING)
def test_a_child_that_a_job_changed_is_replaced(pool: Pool, act: str) -> None:
    rows = pool.run(Acts(nothing=lambda: None, act=REPLACING[act]), "nothing", "act", "nothing")
    assert (rows[0].status, rows[2].status) == ("completed", "completed")
    assert pids()[0] != pids()[-1]
    assert [row.attempt for row in rows] == [1, 1, 1]


def test_a_cancelled_timer_does_not_replace_the_child(pool: Pool) -> None:
    def timer() -> None:
        one = threading.Timer(60, time.sleep, (0,))
        one.start()
        one.cancel()

    pool.run(Acts(timer=timer), *["timer"] * 3)
    assert len(set(pids())) == 1


def test_a_child_is_replaced_after_a_timeout(pool: Pool) -> None:
    handler = Acts(nothing=lambda: None, hangs=lambda: time.sleep(30))
    rows = pool.run(handler, "nothing", "hangs", "nothing", timeout=1)
    assert [row.status for row in rows] == ["completed", "lost", "completed"]
    assert "Timed out" in str(rows[1].note) and len(set(pids())) == 2


def test_a_child_that_swallows_its_timeout_is_killed(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "KILL_GRACE_SECONDS", 1)

    def swallows() -> None:
        while True:
            with contextlib.suppress(BaseException):
                time.sleep(1)

    rows = pool.run(
        Acts(nothing=lambda: None, act=swallows), "nothing", "act", "nothing", timeout=1
    )
    assert [row.status for row in rows] == ["completed", "lost", "completed"]
    assert "unexpectedly" in str(rows[1].note)


@pytest.mark.parametrize("status", [0, 3])
def test_the_task_of_a_child_that_exits_is_rescued_at_once(pool: Pool, status: int) -> None:
    handler = Acts(nothing=lambda: None, exits=lambda: os._exit(status))
    rows = pool.run(handler, "nothing", "exits", "nothing")
    assert [row.status for row in rows] == ["completed", "lost", "completed"]


def test_a_process_that_a_job_left_does_not_hide_the_end_of_its_child(pool: Pool) -> None:
    def leaves() -> None:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        os._exit(3)

    started = time.monotonic()
    rows = pool.run(Acts(leaves=leaves), "leaves")
    assert rows[0].status == "lost" and time.monotonic() - started < 15


def test_a_child_that_was_killed_while_idle_is_replaced(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = PanelWorker._ready_child

    def kill_idle(self: PanelWorker) -> Any:
        if self.child is not None:
            os.kill(self.child.pid, signal.SIGKILL)
            time.sleep(0.2)
        return ready(self)

    monkeypatch.setattr(PanelWorker, "_ready_child", kill_idle)
    rows = pool.run(Acts(nothing=lambda: None), *["nothing"] * 3)
    assert [(row.status, row.attempt) for row in rows] == [("completed", 1)] * 3


def test_a_child_that_dies_as_it_is_given_a_task_loses_nothing(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = PanelWorker._ready_child

    def kill_ready(self: PanelWorker) -> Any:
        child = ready(self)
        os.kill(child.pid, signal.SIGKILL)
        return child

    monkeypatch.setattr(PanelWorker, "_ready_child", kill_ready)
    assert [row.status for row in pool.run(Acts(nothing=lambda: None), "nothing")] == ["queued"]


def test_a_child_is_replaced_when_the_modules_change(pool: Pool, panel: Panel) -> None:
    class Swapped:
        generation = 1

        def app_context(self) -> Any:
            return panel.app_context()

    # the worker asks as it starts, before each heartbeat and before each task
    pool.apps = [panel] * 4 + [Swapped()]  # type: ignore[list-item]
    pool.run(Acts(nothing=lambda: None), *["nothing"] * 4)
    assert len(set(pids())) == 2


def test_context_variables_do_not_pass_to_the_next_task(pool: Pool) -> None:
    def leaves() -> str:
        found = LEAK.get() + repr(structlog.contextvars.get_contextvars())
        found += str(decimal.getcontext().prec)
        LEAK.set("left")
        decimal.setcontext(decimal.Context(prec=3))
        structlog.contextvars.bind_contextvars(client="left")
        return found

    pool.run(Acts(leaves=leaves), *["leaves"] * 2)
    assert len(set(pids())) == 1
    assert [one["value"] for one in outputs()] == ["{}28", "{}28"]


def test_an_idle_child_is_ended(pool: Pool, panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "IDLE_SECONDS", -1)
    pool.run(Acts(nothing=lambda: None), *["nothing"] * 2)
    assert len(set(pids())) == 2


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.fixture(autouse=True)
def no_child_left(panel: Panel) -> Iterator[None]:
    before = children()
    yield
    assert children() <= before


def test_a_thread_that_python_does_not_know_replaces_the_child(pool: Pool) -> None:
    def start() -> None:
        libc, thread = ctypes.CDLL(None), ctypes.c_ulong()
        libc.pthread_create(ctypes.byref(thread), None, libc.sleep, ctypes.c_void_p(20))

    pool.run(Acts(start=start, nothing=lambda: None), "start", "nothing")
    assert len(set(pids())) == 2


def test_what_a_task_started_ends_with_its_killed_child(pool: Pool, tmp_path: Path) -> None:
    stored = tmp_path / "pid"

    def die() -> None:
        stored.write_text(str(subprocess.Popen(["sleep", "300"]).pid))
        os.kill(os.getpid(), signal.SIGKILL)

    pool.run(Acts(die=die), "die")
    deadline = time.monotonic() + 60
    while Path(f"/proc/{stored.read_text()}/cmdline").exists() and time.monotonic() < deadline:
        if "Z" in Path(f"/proc/{stored.read_text()}/stat").read_text().split(")")[1]:
            return  # killed; a zombie until its new parent reaps it
        time.sleep(0.05)
    assert time.monotonic() < deadline


def test_commands_of_the_queue_server_stop_no_process(
    pool: Pool, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda group, _signal: killed.append(group))
    server = queue.connect(queue.server_url())
    worker = PanelWorker(
        [queue.queue("Module", server)],
        name="w",
        connection=server,
        serializer=queue.queue("Module").serializer,
        ensure_app=lambda: panel,
        handlers={},
    )
    server.hset(worker.key, "current_job", "x")
    handle_command(worker, {"command": "stop-job", "job_id": "x"})
    assert killed == []


def test_a_task_that_cannot_be_sent_to_the_child_waits_again(pool: Pool) -> None:
    deep: Any = "x"
    for _ in range(600):
        deep = [deep]
    add.add(job="Test", data={"act": "nothing", "deep": deep})
    rows = pool.run(Acts(nothing=lambda: None), "nothing")
    assert rows[-1].status == "completed"


def test_a_start_that_the_parent_has_not_read_counts(pool: Pool, panel: Panel) -> None:
    def late(self: Child, seconds: float) -> Report:
        time.sleep(1)
        return Report.RUNNING

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Child, "wait", late)
        patch.setattr(PanelWorker, "_keep_lease", lambda self: False)
        (row,) = pool.run(Acts(sleep=lambda: time.sleep(60)), "sleep")
    assert (row.status, row.attempt) == ("lost", 1)
