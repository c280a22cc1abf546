"""`puqpanel worker` and `puqpanel scheduler` without `puqpanel up`: restart and stop."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from puqpanel.infra.queue_server import QueueServer
from tests.cli.running import environment, processes, puqpanel, wait_for


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Path]:
    instance = tmp_path / "instance"
    assert puqpanel(instance, "db", "upgrade").returncode == 0
    with QueueServer(instance):
        yield instance


@contextlib.contextmanager
def started(instance: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "puqpanel", *arguments],
        env=environment(instance),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        yield process
    finally:
        for pid, command in processes(instance).items():
            if "puqpanel" in command:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        process.wait()


def workers(instance: Path, parent: int) -> set[int]:
    return {
        pid
        for pid, command in processes(instance).items()
        if " worker" in command and pid != parent
    }


def doctor(instance: Path, names: str) -> bool:
    return puqpanel(instance, "doctor", "--only", names).returncode == 0


def test_killed_workers_are_replaced(instance: Path) -> None:
    assert not doctor(instance, "workers")
    with started(instance, "worker", "--processes", "2") as pool:
        wait_for(lambda: len(workers(instance, pool.pid)) == 2, what="two workers")
        wait_for(lambda: doctor(instance, "workers"), what="heartbeat")
        killed = workers(instance, pool.pid).pop()
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: len(workers(instance, pool.pid) - {killed}) == 2, what="a new worker")
        time.sleep(1)
        pool.terminate()
        assert pool.wait(60) == 0
        assert workers(instance, pool.pid) == set()
    assert not doctor(instance, "workers")


def test_workers_exit_with_their_parent(instance: Path) -> None:
    with started(instance, "worker", "--processes", "2") as pool:
        wait_for(lambda: doctor(instance, "workers"), what="heartbeat")
        pool.kill()
        pool.wait()
        wait_for(lambda: workers(instance, pool.pid) == set(), 60, "exit of the workers")


def test_ctrl_c_in_a_terminal_stops_the_pool(instance: Path) -> None:
    with started(instance, "worker", "--processes", "1") as pool:
        wait_for(lambda: doctor(instance, "workers"), what="heartbeat")
        os.killpg(pool.pid, signal.SIGINT)  # as a terminal does, to the whole process group
        assert pool.wait(60) == 0
        assert workers(instance, pool.pid) == set()


def test_a_scheduler_sends_heartbeats_until_it_stops(instance: Path) -> None:
    with started(instance, "scheduler") as scheduler:
        wait_for(lambda: doctor(instance, "schedule"), what="heartbeat")
        scheduler.terminate()
        assert scheduler.wait(60) == 0
    assert not doctor(instance, "schedule")


def beats(instance: Path) -> int | None:
    """Return the process id of the scheduler whose heartbeat is the newest."""
    with sqlite3.connect(instance / "puqpanel.db") as connection:
        row = connection.execute(
            "SELECT pid FROM heartbeats WHERE kind = 'scheduler' ORDER BY at DESC"
        ).fetchone()
    return row[0] if row else None


def test_workers_and_a_scheduler_share_a_pool(instance: Path) -> None:
    with started(instance, "worker", "--processes", "1", "--scheduler") as pool:
        wait_for(lambda: doctor(instance, "workers,schedule"), what="heartbeats")
        forked = workers(instance, pool.pid)
        assert len(forked) == 2
        first = beats(instance)
        assert first in forked
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: beats(instance) not in (None, first), what="a new scheduler")
        assert forked - {first} <= workers(instance, pool.pid)
        pool.terminate()
        assert pool.wait(20) == 0
        assert workers(instance, pool.pid) == set()
    assert not doctor(instance, "schedule")
