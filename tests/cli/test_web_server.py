"""The web server: slow clients, hangs, exits, replacement of processes, and concurrency."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.cli.running import wait_for

SERVER = """
import os, resource, signal, socket, sys, time
from puqpanel.cli.web_process import Limits
from puqpanel.cli.web_server import WebServer
kept = []
resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))
def app(environ, start):
    path = environ["PATH_INFO"]
    if path == "/exit": sys.exit(3)
    if path == "/leave": os._exit(int(environ["QUERY_STRING"]))
    if path == "/kill": os.kill(os.getpid(), signal.SIGKILL)
    if path == "/fork" and os.fork() == 0: pass
    if path == "/close": os.closerange(3, 900)
    if path == "/hang": time.sleep(600)
    if path == "/leak": kept.append([open(os.devnull) for _ in range(600)])
    if path == "/slow": time.sleep(1)
    if path == "/read": environ["wsgi.input"].read()
    if path == "/base": raise type("Odd", (BaseException,), {})()
    if path == "/cut":
        start("200 OK", [("Content-Type", "text/plain")])
        return cut()
    body = b"x" * 30_000_000 if path == "/large" else str(os.getpid()).encode()
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
def cut():
    yield b"one"
    raise type("Odd", (BaseException,), {})()
def make():
    if os.path.exists(sys.argv[2]): raise RuntimeError("cannot be built")
    return app
limits = Limits(threads=4, request_seconds=2, read_seconds=float(sys.argv[4]), connections=100)
WebServer(make, socket.socket(fileno=int(sys.argv[1])), processes=int(sys.argv[3]),
          limits=limits, stop_seconds=5).run()
"""


class Running:
    """A web server with `processes` processes on a free port."""

    def __init__(self, folder: Path, processes: int, read_seconds: float) -> None:
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
                    str(processes),
                    str(read_seconds),
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


@pytest.fixture(params=[(1, 60)])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path, *request.param)
    yield running
    running.process.terminate()
    try:
        running.process.wait(60)
    finally:
        running.process.kill()


def slow_clients(server: Running, count: int, sent: bytes) -> list[socket.socket]:
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(count)]
    for client in clients:
        client.sendall(sent)
    return clients


INCOMPLETE = [
    b"GET / HT",
    b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
    b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
]


@pytest.mark.parametrize("sent", [b"", *INCOMPLETE])
def test_slow_clients_take_no_thread(server: Running, sent: bytes) -> None:
    before = server.get("/")[1]
    clients = slow_clients(server, 40, sent)
    for _ in range(10):
        assert server.get("/") == (200, before)
    for client in clients:
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(1)  # still connected
        client.close()
    assert server.get("/") == (200, before)


@pytest.mark.parametrize("server", [(1, 1)], indirect=True)
@pytest.mark.parametrize("sent", INCOMPLETE)
def test_a_client_that_never_completes_its_request_is_disconnected(
    server: Running, sent: bytes
) -> None:
    (client,) = slow_clients(server, 1, sent)
    client.settimeout(30)
    assert client.recv(1) == b""
    client.close()


def test_a_client_that_reads_slowly_takes_no_thread(server: Running) -> None:
    clients = slow_clients(server, 8, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    for _ in range(10):
        assert server.get("/")[0] == 200
    for client in clients:
        client.close()


def test_more_connections_than_allowed_lock_nobody_out(server: Running) -> None:
    clients = slow_clients(server, 150, b"GET / HT")
    assert server.get("/")[0] == 200
    for client in clients:
        client.close()


def test_slow_requests_leave_other_threads_free(server: Running) -> None:
    with ThreadPoolExecutor(3) as pool:
        slow = [pool.submit(server.get, "/slow") for _ in range(3)]
        assert server.get("/")[0] == 200
        assert not any(request.done() for request in slow)
        assert [request.result()[0] for request in slow] == [200] * 3


def test_an_exit_fails_only_its_request(server: Running) -> None:
    before = server.get("/")[1]
    for path in ("/exit", "/base", "/cut"):
        with pytest.raises((ConnectionError, OSError, HTTPException)):
            server.get(path)
    assert server.get("/") == (200, before)


def test_os_exit_in_a_request_resets_no_other_request(server: Running) -> None:
    before = server.get("/")[1]
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(server.get, "/slow") for _ in range(2)]
        time.sleep(0.3)
        with pytest.raises((ConnectionError, OSError)):
            server.get("/leave?3")
        assert [request.result() for request in slow] == [(200, before)] * 2
    assert server.get("/")[1] != before, "the process is replaced"


@pytest.mark.parametrize("path", ["/kill", "/close"])
def test_a_killed_process_is_replaced(server: Running, path: str) -> None:
    before = server.get("/")[1]
    with pytest.raises((ConnectionError, OSError)):
        server.get(path)
    status, after = server.get("/")
    assert status == 200
    assert after != before
    assert server.process.poll() is None


def test_a_fork_in_a_request_serves_nothing(server: Running) -> None:
    before = server.get("/")[1]
    for _ in range(3):
        assert server.get("/fork") == (200, before)
    assert server.get("/") == (200, before)


def test_a_hanging_request_is_answered_and_its_process_replaced(server: Running) -> None:
    before = server.get("/")[1]
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(server.get, "/hang")
        time.sleep(1.5)
        # those that run when the process starts to drain are not reset
        other = server.get("/slow")
        assert hanging.result()[0] == 503
        assert other == (200, before)
    wait_for(lambda: server.get("/")[1] != before, what="another process")
    wait_for(lambda: not Path(f"/proc/{before}").exists(), what="the end of the hung process")


def test_building_the_app_is_retried(server: Running) -> None:
    server.broken.touch()
    with pytest.raises((ConnectionError, OSError)):
        server.get("/kill")
    time.sleep(1.5)
    assert server.process.poll() is None
    server.broken.unlink()
    assert server.get("/")[0] == 200


@pytest.mark.parametrize("server", [(2, 60)], indirect=True)
def test_two_processes_share_requests_without_errors(server: Running) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(server.get, ["/slow"] * 8))
    assert [status for status, _ in answers] == [200] * 8
    assert len({pid for _, pid in answers}) == 2, "one process has only four threads"


def test_stopping_finishes_running_requests(server: Running) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(server.get, "/slow")
        time.sleep(0.3)
        server.process.terminate()
        assert running.result()[0] == 200
    assert server.process.wait(60) == 0


def test_processes_exit_with_their_parent(server: Running) -> None:
    child = int(server.get("/")[1])
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    wait_for(lambda: not _runs(child), what="the end of the child")


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_process_that_uses_too_many_resources_is_replaced(server: Running) -> None:
    before = server.get("/")[1]
    assert server.get("/leak") == (200, before), "the request that leaked is answered"
    wait_for(lambda: server.get("/")[1] != before, what="another process")


def test_a_kept_connection_serves_many_requests(server: Running) -> None:
    kept = HTTPConnection("127.0.0.1", server.port, timeout=20)
    for _ in range(3):
        kept.request("GET", "/")
        assert kept.getresponse().read()
    kept.close()
