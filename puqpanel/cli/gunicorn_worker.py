"""The web worker: one request at a time in a process, idle connections in the poller, and nothing a
module does ends the server.

It stands on gunicorn's threaded worker and leans on its internals, which is why setup.cfg pins
gunicorn to one version; with another one, tests/cli/test_gunicorn_worker.py has to pass first. What
it changes:

* A new connection waits in the poller until its first byte: browsers open connections ahead of
need, and a sync worker stalls on them.
* No connection is accepted while a request runs, so that another process takes it.
* A request that runs longer than the timeout first loses its connection (a client that sends or
reads too slowly ends there); if it
  still runs two seconds later it hangs in code, and the process ends. The arbiter starts another.
* While a request takes long, connections that are kept alive are closed, and so are those that have
asked and would wait for it: their
  clients come again and meet another process.
* A process that a module has let grow (memory, open files, threads) ends after its request; the
arbiter starts another.
* A process whose listening socket or poller a request has closed ends too.
* SystemExit in a request is an error of that request.
* The two exit codes by which gunicorn's arbiter stops the whole server are moved out of reach:
`os._exit(3)` in a module is a dead
  worker, as any other.

The app is not preloaded in the arbiter: engines and connections belong to one process, each process
swaps its whole app when a module is switched, and a module that breaks at import must break a
worker and not the arbiter. Only the code is imported before the fork.
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
"""The exit code of a worker that ended itself because a request hung."""

IDLE_SECONDS, WAITING_SECONDS = 1.0, 4.0
"""How long a request runs before idle connections of its process are closed, and those that
wait for it.
"""
HEAD_SECONDS = 10.0
"""How long a client may take to send the head of a request, once it has begun."""


class PanelWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threaded worker with one request at a time; see the module's text."""

    running = 0
    first_size = 0
    alive: bool

    def init_process(self) -> None:
        """Runs in the new process; ends when the worker does."""
        # thread → (since, connection, address of the request or None while its head is read)
        self.busy: dict[int, tuple[float, TConn, str | None]] = {}
        self.waiting: deque[TConn] = deque()
        super().init_process()

    def load_wsgi(self) -> None:
        """Builds the app; where that fails, waits a moment so that a broken start does not
        become a loop at full speed.
        """
        try:
            super().load_wsgi()
        except Exception:
            time.sleep(1)
            raise
        self.first_size = resident()

    def accept(self, listener: socket.socket) -> None:
        """Takes a connection and leaves it in the poller until it has something to say."""
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
        """Accepts only while no request runs."""
        super().set_accept_enabled(enabled and self.running < self.cfg.threads)

    def enqueue_req(self, conn: TConn) -> None:
        """Hands a readable connection to the request thread (called in the main thread)."""
        self.running += 1
        self.set_accept_enabled(True)
        super().enqueue_req(conn)

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """A kept connection asks again: at once, or when the request that runs is over."""
        if self.running < self.cfg.threads:
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self.waiting.append(conn)

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """A new connection asks for the first time."""
        if self.running < self.cfg.threads:
            super().on_pending_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        conn.data_ready = True
        self.waiting.append(conn)

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Takes the connection back (called in the main thread)."""
        self.running -= 1
        super().finish_request(conn, fs)
        while self.waiting and self.running < self.cfg.threads:
            self.enqueue_req(self.waiting.popleft())
        if self.alive and (what := overgrown(self.first_size)):
            self.log.warning("A worker ends because its process has grown: %s", what)
            self.alive = False
        if self.alive:
            self.set_accept_enabled(self.nr_conns < self.worker_connections)

    def handle(self, conn: TConn) -> Any:
        """Reads one request and answers it, in the request thread."""
        me = threading.get_ident()
        self.busy[me] = (time.monotonic(), conn, None)
        before = self._lifelines()
        try:
            return super().handle(conn)
        finally:
            self.busy.pop(me, None)
            if os.getpid() != self.pid:
                # a copy that the request has forked: it would hold everybody's connections open
                os._exit(HUNG)
            if self._lifelines() != before:
                # closed by code that closes whatever number it finds: this process would take
                # requests and never answer them
                self.log.critical("A request closed what its worker lives by, and it ends.")
                os._exit(HUNG)

    def _send_away(self) -> None:
        """Closes the connections that wait for a request that takes long: a client asks again,
        another process answers.
        """
        while self.waiting:
            self.nr_conns -= 1
            self.waiting.popleft().close()

    def _lifelines(self) -> list[int]:
        """What this process listens on and is woken by, as the system knows it."""
        found = []
        for one in (
            self.poller.fileno(),
            self.method_queue._read_fd,
            self.method_queue._write_fd,
            *(listener.fileno() for listener in self.sockets),
        ):
            try:
                found.append(os.fstat(one).st_ino)
            except (OSError, TypeError):
                found.append(0)
        return found

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answers one request whose head has been read."""
        self.busy[threading.get_ident()] = (time.monotonic(), conn, req.uri)
        try:
            return super().handle_request(req, conn)
        except Exception:
            raise
        except (
            BaseException
        ) as error:  # SystemExit would end the process, and others would stop its main loop
            raise RuntimeError(f"{error!r} in {req.method} {req.path}") from error

    def notify(self) -> None:
        """Tells the arbiter that all is well, after looking for requests that take too long."""
        now = time.monotonic()
        for since, conn, uri in list(self.busy.values()):
            limit = HEAD_SECONDS if uri is None else float(self.cfg.timeout)
            if now - since > limit + 2 and uri is not None:
                self.log.critical(
                    "A request hung for %d s and its worker ends: %s",
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
    """Ends a worker when the panel's own code was edited.

    Modules' files are none of its business: `live` swaps the app for those.
    """

    def get_files(self) -> list[str]:
        """What is watched."""
        modules = {
            getattr(module, "__file__", None)
            for name, module in tuple(sys.modules.items())
            if name.startswith(PREFIX)
        }
        return [name for name in super().get_files() if name not in modules]


reloader_engines["panel"] = PanelReloader


class PanelArbiter(Arbiter):  # type: ignore[misc]
    """gunicorn's arbiter, stopped by signals alone: no process can exit with a code above 255."""

    WORKER_BOOT_ERROR = 1003
    APP_LOAD_ERROR = 1004


class WebServer(BaseApplication):  # type: ignore[misc]
    """gunicorn without its command line.

    Args:
        app: makes the WSGI application, in each worker process.
        bind: `host:port`, or `fd://N` for a socket that is listening already.
        options: further settings by gunicorn's names.
    """

    def __init__(self, app: Any, bind: str, **options: Any) -> None:
        self._make = app
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
            "control_socket_disable": True,  # it would lie in the user's home, one for all panels
            "forwarded_allow_ips": "",  # which proxies to believe is the app's setting
            # gunicorn makes a private file
            "worker_tmp_dir": ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None),  # noqa: S108
            "post_fork": _tie_to_arbiter,
            **options,
        }
        super().__init__()

    def load_config(self) -> None:
        """Gives gunicorn its settings; its environment variables and files are not read."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The WSGI application of this worker process."""
        return self._make()

    def run(self) -> None:
        """Serves until a signal ends it."""
        PanelArbiter(self).run()


def _tie_to_arbiter(_arbiter: Arbiter, worker: PanelWorker) -> None:
    die_with_parent(worker.ppid, signal.SIGTERM)
