"""The web worker in gunicorn: idle sockets, hangs, exits, slow clients and concurrency."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.cli.running import wait_for

SERVER = """
import os, resource, sys, time
from puqpanel.cli import gunicorn_worker
from puqpanel.cli.gunicorn_worker import WebServer
gunicorn_worker.HEAD_SECONDS = 2.0
gunicorn_worker.WAITING_SECONDS = 1.0
kept = []
resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))
def app(environ, start):
    path = environ["PATH_INFO"]
    if path == "/exit": sys.exit(3)
    if path == "/kill": os._exit(int(environ["QUERY_STRING"]))
    if path == "/hang": time.sleep(600)
    if path == "/leak": kept.append([open(os.devnull) for _ in range(600)])
    if path == "/slower": time.sleep(2.2)
    if path == "/slow": time.sleep(0.3)
    if path == "/read": environ["wsgi.input"].read()
    if path == "/base": raise type("Odd", (BaseException,), {})()
    start("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
def make():
    if os.path.exists(sys.argv[2]): raise RuntimeError("cannot be built")
    return app
WebServer(make, "fd://" + sys.argv[1], workers=int(sys.argv[3]), timeout=3, graceful_timeout=3).run()
"""


class Running:
    """A gunicorn with `workers` processes on a free port."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.broken = folder / "broken"
        with socket.create_server(("127.0.0.1", 0)) as listener, (folder / "log").open("w") as log:
            self.port = listener.getsockname()[1]
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-W",
                    "ignore",
                    "-c",
                    SERVER,
                    str(listener.fileno()),
                    str(self.broken),
                    str(workers),
                ],
                pass_fds=[listener.fileno()],
                stderr=log,
                process_group=0,
            )
        self.get("/")

    def get(self, path: str, timeout: float = 20) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def dies(self, path: str) -> None:
        with pytest.raises((ConnectionError, OSError)):
            self.get(path)


@pytest.fixture(params=[1])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path, request.param)
    yield running
    running.process.terminate()
    try:
        running.process.wait(15)
    finally:
        running.process.kill()


def test_idle_connections_do_not_block_requests(server: Running) -> None:
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(30)]
    kept = HTTPConnection("127.0.0.1", server.port)
    kept.request("GET", "/")
    assert kept.getresponse().read()
    begun = time.monotonic()
    for _ in range(10):
        assert server.get("/")[0] == 200
    assert time.monotonic() - begun < 2
    for sock in idle:
        sock.close()
    kept.close()


def test_a_client_that_stalls_in_the_head_is_disconnected(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(b"GET / HT")
        time.sleep(0.2)
        assert server.get("/")[0] == 200  # after HEAD_SECONDS, not after minutes
        assert slow.recv(1) == b""


def test_a_client_that_stalls_in_the_body_ends_no_process(server: Running) -> None:
    before = server.get("/")[1]
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        time.sleep(0.2)
        assert server.get("/") == (200, before)


def test_an_exit_fails_only_its_request(server: Running) -> None:
    before = server.get("/")[1]
    assert server.get("/exit")[0] == 500
    assert server.get("/base")[0] == 500
    assert server.get("/") == (200, before)


@pytest.mark.parametrize("code", [3, 4, 0, 235])
def test_a_killed_worker_is_replaced_whatever_its_exit_code(server: Running, code: int) -> None:
    before = server.get("/")[1]
    server.dies(f"/kill?{code}")
    status, after = server.get("/")
    assert status == 200
    assert after != before
    assert server.process.poll() is None


def test_a_hanging_request_ends_its_worker_but_not_the_server(server: Running) -> None:
    before = server.get("/")[1]
    begun = time.monotonic()
    server.dies("/hang")
    status, after = server.get("/")
    assert status == 200
    assert after != before
    assert time.monotonic() - begun < 15


def test_building_the_app_is_retried(server: Running) -> None:
    server.broken.touch()
    server.dies("/kill?1")
    time.sleep(2.5)
    assert server.process.poll() is None
    server.broken.unlink()
    assert server.get("/")[0] == 200


@pytest.mark.parametrize("server", [2], indirect=True)
def test_two_processes_share_requests_without_errors(server: Running) -> None:
    begun = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(server.get, ["/slow"] * 16))
    assert [status for status, _ in answers] == [200] * 16
    assert len({pid for _, pid in answers}) == 2
    assert time.monotonic() - begun < 16 * 0.3


def test_stopping_finishes_running_requests(server: Running) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(server.get, "/slow")
        time.sleep(0.1)
        server.process.terminate()
        assert running.result()[0] == 200
    assert server.process.wait(10) == 0


def test_workers_exit_with_their_arbiter(server: Running) -> None:
    worker = int(server.get("/")[1])
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    for _ in range(100):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{worker}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the worker outlived its arbiter")


def test_a_process_that_uses_too_many_resources_exits_after_its_response(server: Running) -> None:
    before = server.get("/")[1]
    assert server.get("/leak") == (200, before), "the request that leaked is answered"
    wait_for(lambda: server.get("/")[1] != before, what="another process")
    assert server.get("/")[0] == 200


@pytest.fixture
def connect(server: Running) -> Iterator[Callable[[], HTTPConnection]]:
    """Open a connection that is closed after the test."""
    connections: list[HTTPConnection] = []

    def open_connection() -> HTTPConnection:
        connections.append(HTTPConnection("127.0.0.1", server.port, timeout=20))
        return connections[-1]

    yield open_connection
    for connection in connections:
        connection.close()


def test_kept_connections_are_closed_during_a_slow_request(
    server: Running, connect: Callable[[], HTTPConnection]
) -> None:
    idle, waiting, slow = connect(), connect(), connect()
    for connection in (idle, waiting):
        connection.request("GET", "/")
        connection.getresponse().read()
    slow.request("GET", "/slower")
    time.sleep(0.3)
    waiting.request("GET", "/")
    with pytest.raises(ConnectionError):
        waiting.getresponse()
    assert idle.sock is not None and idle.sock.recv(1) == b"", "the idle connection is closed"
    assert slow.getresponse().status == 200
    assert server.get("/")[0] == 200


def test_a_request_during_a_short_one_is_served_after_it(
    server: Running, connect: Callable[[], HTTPConnection]
) -> None:
    kept = connect()
    kept.request("GET", "/")
    kept.getresponse().read()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(server.get, "/slow")
        time.sleep(0.1)
        kept.request("GET", "/")
        assert kept.getresponse().status == 200
        assert slow.result()[0] == 200
