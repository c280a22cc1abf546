"""The embedded queue server with a real Valkey: kills, second start, orphans and long paths."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from puqpanel.infra import queue_server
from puqpanel.infra.processes import alive
from puqpanel.infra.queue_server import (
    QueueServer,
    QueueServerError,
    connection_url,
    password,
    socket_path,
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[QueueServer]:
    server = QueueServer(tmp_path)
    server.start()
    yield server
    server.stop()


def client(instance: Path) -> redis.Redis:
    return redis.Redis.from_url(connection_url(instance), decode_responses=True)


def wait_for(condition, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.05)


def pid_of(server: QueueServer) -> int:
    assert server.process is not None
    return server.process.pid


def kill(server: QueueServer) -> None:
    assert server.process is not None
    server.process.kill()
    server.process.wait()


def test_the_server_is_private_persistent_and_has_no_port(
    server: QueueServer, tmp_path: Path
) -> None:
    with client(tmp_path) as connection:
        assert connection.config_get("port")["port"] == "0"
        assert connection.config_get("appendonly")["appendonly"] == "yes"
        assert connection.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
    assert stat.S_IMODE(socket_path(tmp_path).stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "keys" / "queue.password").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "queue").stat().st_mode) == 0o700
    assert password(tmp_path) not in Path(f"/proc/{pid_of(server)}/cmdline").read_text()
    with (
        pytest.raises(redis.AuthenticationError),
        redis.Redis(unix_socket_path=str(socket_path(tmp_path))) as stranger,
    ):
        stranger.ping()


def test_a_killed_server_restarts_with_its_data(server: QueueServer, tmp_path: Path) -> None:
    with client(tmp_path) as connection:
        connection.rpush("queue", "1", "2", "3")
    killed = pid_of(server)
    kill(server)
    wait_for(lambda: server.tick() and server.ready())
    assert pid_of(server) != killed and server.restarts == 1
    with client(tmp_path) as connection:
        assert connection.lrange("queue", 0, -1) == ["1", "2", "3"]


def test_repeated_exits_increase_the_restart_delay(server: QueueServer) -> None:
    for _ in range(4):
        kill(server)
        wait_for(server.tick)
    kill(server)
    started = time.monotonic()
    wait_for(server.tick)
    assert time.monotonic() - started > 1.5


def test_a_second_server_is_refused(server: QueueServer, tmp_path: Path) -> None:
    with pytest.raises(QueueServerError) as caught:
        QueueServer(tmp_path).start()
    assert (
        str(caught.value)
        == f"A queue server is already running for {tmp_path} (process {os.getpid()})."
    )
    assert server.ready()


def test_stopping_leaves_no_process_and_no_socket(tmp_path: Path) -> None:
    with QueueServer(tmp_path) as server:
        pid = pid_of(server)
    assert not alive(pid) and not socket_path(tmp_path).exists()
    with QueueServer(tmp_path) as again:
        assert again.ready()


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(socket_path(tmp_path)))
    assert socket_path(tmp_path).exists()
    with QueueServer(tmp_path) as server:
        assert server.ready()


PARENT = """
import sys, time
from pathlib import Path
from puqpanel.infra.queue_server import QueueServer
server = QueueServer(Path(sys.argv[1]))
server.start()
print(server.process.pid, flush=True)
time.sleep(600)
"""


def test_the_server_exits_with_its_parent(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        with client(tmp_path) as connection:
            connection.set("key", "value")
        parent.kill()
        parent.wait()
        wait_for(lambda: not alive(pid) or _zombie(pid))
    with QueueServer(tmp_path), client(tmp_path) as connection:
        assert connection.get("key") == "value"


def test_an_orphan_is_stopped_before_the_next_server_starts(tmp_path: Path) -> None:
    server = QueueServer(tmp_path)
    server.start()
    orphan, server.process = server.process, None
    assert orphan is not None
    # Releases only the lock, as if the supervisor had died without ending its child.
    server.stop()
    with QueueServer(tmp_path) as successor:
        assert orphan.wait(30) is not None
        assert pid_of(successor) != orphan.pid
        assert successor.ready()


def test_a_long_path_gets_a_private_socket_elsewhere(tmp_path: Path) -> None:
    instance = tmp_path / ("long" * 30)
    path = socket_path(instance)
    assert len(str(path)) < 100 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert socket_path(instance) == path
    with QueueServer(instance) as server:
        assert server.ready()
    path.parent.chmod(0o755)  # no longer private: another directory is used
    assert socket_path(instance).parent != path.parent


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server on this machine")
def test_a_redis_server_on_the_path_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_server, "_runs", lambda program: False)
    assert Path(queue_server.find_binary()).name in ("redis-server", "valkey-server")
    with QueueServer(tmp_path) as server:
        with client(tmp_path) as connection:
            connection.rpush("queue", "1")
        kill(server)
        wait_for(lambda: server.tick() and server.ready())
        with client(tmp_path) as connection:
            assert connection.lrange("queue", 0, -1) == ["1"]


def test_without_a_binary_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(queue_server, "_runs", lambda program: False)
    with pytest.raises(QueueServerError, match="apt install redis-server"):
        QueueServer(tmp_path).start()


def test_an_unwritable_directory_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(QueueServerError, match="Cannot write to"):
        QueueServer(tmp_path / "file" / "instance").start()


def _zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
