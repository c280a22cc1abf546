"""The gunicorn worker: one request at a time per process, and isolation from faulty modules.

It extends gunicorn's threaded worker and uses its internals, so setup.cfg pins gunicorn to one
version; run tests/cli/test_gunicorn_worker.py before changing it. Differences from gunicorn:

* A new connection waits in the poller until its first byte, because browsers open connections in
  advance, which would block a sync worker.
* No connections are accepted while a request runs, so that another process takes them.
* When a request exceeds the timeout, its connection is closed, which ends slow clients. If it still
  runs two seconds later, the process exits and the arbiter starts another.
* During a long request, idle kept-alive connections and waiting ones are closed. Their clients
  reconnect to another process.
* A process that uses too much memory, too many files or too many threads exits after its request.
* A process exits if a request closed its listening socket or its poller.
* SystemExit in a request is an error of that request.
* The two exit codes that make gunicorn's arbiter stop the whole server are replaced with
  unreachable ones, so that `os._exit(3)` in a module only ends a worker.

The code is imported before the fork, but the app is not built in the arbiter: engines and
connections belong to one process, each process replaces its own app, and a module that fails at
import must not affect the arbiter.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import socket
import sys
import threading
import time
from collections import deque
from functools import partial
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.reloader import Reloader, reloader_engines
from gunicorn.workers.gthread import TConn, ThreadWorker

from puqpanel.host.importer import PREFIX
from puqpanel.infra.processes import die_with_parent, overgrown, resident

HUNG = 70
"""Exit code of a worker with a hanging request."""

IDLE_SECONDS, WAITING_SECONDS = 1.0, 4.0
"""Run time of a request after which idle connections, and waiting ones, are closed."""
HEAD_SECONDS = 10.0
"""Time limit for a client to send the head of a request."""


class PanelWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threaded worker with one request at a time; see the module docstring."""

    running = 0
    first_size = 0
    alive: bool

    def init_process(self) -> None:
        """Run the worker in the new process."""
        # thread → (start time, connection, URI or None while the head is read)
        self.busy: dict[int, tuple[float, TConn, str | None]] = {}
        self.waiting: deque[TConn] = deque()
        super().init_process()

    def load_wsgi(self) -> None:
        """Build the app; on failure, wait a second to slow down the restart loop."""
        try:
            super().load_wsgi()
        except Exception:
            time.sleep(1)
            raise
        self.first_size = resident()

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection and leave it in the poller until it is readable."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                return
            raise
        self.nr_conns += 1
        conn = TConn(self.cfg, client, address, listener.getsockname())
        conn.timeout = time.monotonic() + max(self.cfg.keepalive, 5)
        self.pending_conns.append(conn)
        self.poller.register(
            conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn)
        )

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept connections only while no request runs."""
        super().set_accept_enabled(enabled and self.running < self.cfg.threads)

    def enqueue_req(self, conn: TConn) -> None:
        """Pass a readable connection to the request thread; runs in the main thread."""
        self.running += 1
        self.set_accept_enabled(True)
        super().enqueue_req(conn)

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Handle the next request of a kept-alive connection, or make it wait."""
        if self.running < self.cfg.threads:
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self.waiting.append(conn)

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Handle the first request of a connection, or make it wait."""
        if self.running < self.cfg.threads:
            super().on_pending_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        conn.data_ready = True
        self.waiting.append(conn)

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Take the connection back; runs in the main thread."""
        self.running -= 1
        super().finish_request(conn, fs)
        while self.waiting and self.running < self.cfg.threads:
            self.enqueue_req(self.waiting.popleft())
        if self.alive and (usage := overgrown(self.first_size)):
            self.log.warning("Worker exits because it uses too many resources: %s", usage)
            self.alive = False
        if self.alive:
            self.set_accept_enabled(self.nr_conns < self.worker_connections)

    def handle(self, conn: TConn) -> Any:
        """Read and handle a request; runs in the request thread."""
        thread = threading.get_ident()
        self.busy[thread] = (time.monotonic(), conn, None)
        inodes = self._inodes()
        try:
            return super().handle(conn)
        finally:
            self.busy.pop(thread, None)
            if os.getpid() != self.pid:
                # A child that the request forked would keep all connections open.
                os._exit(HUNG)
            if self._inodes() != inodes:
                # Without them, this process would accept requests and never handle them.
                self.log.critical("Worker exits because a request closed its file descriptors.")
                os._exit(HUNG)

    def _send_away(self) -> None:
        """Close waiting connections, so that their clients reconnect to another process."""
        while self.waiting:
            self.nr_conns -= 1
            self.waiting.popleft().close()

    def _inodes(self) -> list[int]:
        """Return the inodes of the poller, the wake-up pipe and the listening sockets."""
        inodes = []
        for descriptor in (
            self.poller.fileno(),
            self.method_queue._read_fd,
            self.method_queue._write_fd,
            *(listener.fileno() for listener in self.sockets),
        ):
            try:
                inodes.append(os.fstat(descriptor).st_ino)
            except (OSError, TypeError):
                inodes.append(0)
        return inodes

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Handle a request whose head has been read."""
        self.busy[threading.get_ident()] = (time.monotonic(), conn, req.uri)
        try:
            return super().handle_request(req, conn)
        except Exception:
            raise
        except BaseException as error:
            # SystemExit would end the process, and others would stop its main loop.
            raise RuntimeError(f"{error!r} in {req.method} {req.path}") from error

    def notify(self) -> None:
        """Notify the arbiter, after checking for requests that take too long."""
        now = time.monotonic()
        for since, conn, uri in list(self.busy.values()):
            limit = HEAD_SECONDS if uri is None else float(self.cfg.timeout)
            if now - since > limit + 2 and uri is not None:
                self.log.critical(
                    "Worker exits because a request hung for %d s: %s",
                    now - since,
                    uri.partition("?")[0],
                )
                os._exit(HUNG)
            if uri is not None and now - since > IDLE_SECONDS:
                self.murder_keepalived(force=True)
            if uri is not None and now - since > WAITING_SECONDS:
                self._send_away()
            if now - since > limit:
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)
        super().notify()


class PanelReloader(Reloader):  # type: ignore[misc]
    """Restarts a worker when the panel's own code changes.

    Changed module files are left to `live`, which replaces the app.
    """

    def get_files(self) -> list[str]:
        """Return the files to watch."""
        modules = {
            getattr(module, "__file__", None)
            for name, module in tuple(sys.modules.items())
            if name.startswith(PREFIX)
        }
        return [name for name in super().get_files() if name not in modules]


reloader_engines["panel"] = PanelReloader


class PanelArbiter(Arbiter):  # type: ignore[misc]
    """gunicorn's arbiter with exit codes above 255, so that only signals stop it."""

    WORKER_BOOT_ERROR = 1003
    APP_LOAD_ERROR = 1004


class WebServer(BaseApplication):  # type: ignore[misc]
    """gunicorn without its command line.

    Args:
        app: Creates the WSGI application in each worker process.
        bind: `host:port`, or `fd://N` for an open socket.
        **options: Further settings by their gunicorn names.
    """

    def __init__(self, app: Any, bind: str, **options: Any) -> None:
        self._create = app
        self._options: dict[str, Any] = {
            "bind": bind,
            "worker_class": PanelWorker,
            "threads": 1,
            "timeout": 30,
            "graceful_timeout": 15,
            "keepalive": 5,
            "worker_connections": 200,
            "preload_app": False,
            "reload_engine": "panel",
            "control_socket_disable": True,  # in the home directory, shared by all panels
            "forwarded_allow_ips": "",  # trusted proxies are the app's setting
            # gunicorn creates a private file
            "worker_tmp_dir": ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None),  # noqa: S108
            "post_fork": _tie_to_arbiter,
            **options,
        }
        super().__init__()

    def load_config(self) -> None:
        """Apply the settings; gunicorn's environment variables and files are not read."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Create the WSGI application of this worker process."""
        return self._create()

    def run(self) -> None:
        """Serve until a signal arrives."""
        PanelArbiter(self).run()


def _tie_to_arbiter(_arbiter: Arbiter, worker: PanelWorker) -> None:
    die_with_parent(worker.ppid, signal.SIGTERM)
