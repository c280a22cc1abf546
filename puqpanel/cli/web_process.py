"""One web process: waitress, with limits for requests, connections and memory.

Waitress reads a request completely before it takes a thread and writes responses from a buffer, so
that slow clients cost a socket each. In addition:

* A request that exceeds its time limit is answered with 503. If its thread still runs two seconds
  later, the process drains: it stops accepting, finishes its other requests and exits.
* A process that uses too much memory, too many files or too many threads drains as well, and so
  does one in which a request called `os._exit()`; only that request fails.
* No connections are accepted while all threads are busy, so that another process takes them.
* A client must send its request within a time limit. When there are too many connections, the
  oldest ones without a running request are closed.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import structlog
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer

from puqpanel.infra.processes import overgrown, resident

log = structlog.get_logger(__name__)

HUNG = 70
"""Exit code of a process with a hanging request."""
GRACE_SECONDS = 2.0
"""Time that a request has to end after its client was answered with 503."""
READ_SECONDS_AT_DRAIN = 5.0
CHECK_SECONDS = 0.5
MAX_BODY_BYTES = 17 * 1024 * 1024
"""More than the app accepts, so that the app answers most requests that are too large."""

_TIMED_OUT_PAGE = (
    b"<!doctype html><title>Service unavailable</title><h1>This page took too long</h1>"
    b"<p>Nothing else is affected. Try again later."
)
_TIMED_OUT = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html; charset=utf-8\r\n"
    b"Retry-After: 10\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
    % (len(_TIMED_OUT_PAGE), _TIMED_OUT_PAGE)
)


@dataclass(frozen=True)
class Limits:
    """Limits of a web process.

    Args:
        threads: Requests that run at the same time.
        request_seconds: Run time of a request.
        read_seconds: Time for a client to send a request.
        drain_seconds: Time for running requests to finish before the process exits.
        connections: Open connections.
    """

    threads: int = 8
    request_seconds: float = 30.0
    read_seconds: float = 120.0
    drain_seconds: float = 35.0
    connections: int = 2000


class Connection(HTTPChannel):  # type: ignore[misc]
    """A client's connection."""

    server: Process
    running_since: float | None = None
    reading_since: float | None = None
    path = ""
    answering = False
    given_up = False

    def service(self) -> None:
        """Run the next request of this connection; called in a thread of the pool."""
        self.path, self.answering = str(self.requests[0].path), False
        self.running_since = time.monotonic()
        self.server.running[threading.get_ident()] = self
        try:
            super().service()
        except BaseException as error:  # waitress handles only `Exception`
            log.error("request ended by an unusual exception", path=self.path, error=repr(error))
            self.will_close = True
        finally:
            self._end_if_forked()
            self.running_since = None
            del self.server.running[threading.get_ident()]
            with contextlib.suppress(OSError):
                self.server.pull_trigger()  # a thread is free: accept again

    def write_soon(self, data: Any) -> int:
        """Send a part of a response."""
        self._end_if_forked()
        self.answering = self.answering or bool(data)
        return int(super().write_soon(data))

    def _end_if_forked(self) -> None:
        """End a child that the request forked, which shares the connections of its parent."""
        if os.getpid() != self.server.pid:
            self.server.end(HUNG)

    def give_up(self) -> None:
        """Answer the running request with 503, or cut its response off, and close the connection.

        Its thread gets an exception when it next writes.
        """
        self.given_up = True
        if self.answering:
            self.will_close = True
            return
        with contextlib.suppress(Exception), self.outbuf_lock:
            self.write_soon(_TIMED_OUT)
            self._flush_some(do_close=False)
        self.close_when_flushed = True


class Process(TcpWSGIServer):  # type: ignore[misc]
    """The server of one process.

    Args:
        app: The WSGI application.
        listener: The listening socket, shared with other processes.
        limits: The limits.
        on_drain: Called when the process stops accepting for another reason than `stop()`.
    """

    channel_class = Connection

    def __init__(
        self,
        app: Any,
        listener: socket.socket,
        limits: Limits,
        on_drain: Callable[[], object],
    ) -> None:
        self.limits = limits
        self.pid = os.getpid()
        self.end = os._exit  # the function that `guard_exit` replaces
        self.running: dict[int, Connection] = {}
        self.exit_code = 0
        self._on_drain = on_drain
        self._draining_since: float | None = None
        self._first_size = resident()
        self._next_check = 0.0
        super().__init__(
            app,
            _sock=listener,
            adj=Adjustments(
                sockets=[listener],
                threads=limits.threads,
                connection_limit=limits.connections,
                # longer than nginx keeps its connections, so that nginx closes them first
                channel_timeout=75,
                cleanup_interval=5,
                max_request_body_size=MAX_BODY_BYTES,
                max_request_header_size=64 * 1024,
                # whole responses are buffered, on disk if large, so that threads do not wait
                outbuf_high_watermark=1024 * 1024 * 1024,
                asyncore_use_poll=True,
                clear_untrusted_proxy_headers=False,  # the app decides which proxies to trust
                ident=None,
            ),
            bind_socket=False,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
        )
        self._inodes = self._open_inodes()

    def run(self) -> None:
        """Serve until the process has drained."""
        while not self._drained():
            wasyncore.loop(timeout=CHECK_SECONDS, use_poll=True, map=self._map, count=1)
            if (now := time.monotonic()) >= self._next_check:
                self._next_check = now + CHECK_SECONDS
                self.check(now)

    def stop(self) -> None:
        """Stop accepting, and let `run` return when the running requests have finished."""
        self._draining_since = self._draining_since or time.monotonic()
        self.pull_trigger()

    def drain(self, reason: str) -> None:
        """Leave new requests to other processes, and let `run` return after the running ones."""
        if self._draining_since is None:
            log.warning("web process is replaced", reason=reason)
            self._draining_since = time.monotonic()
            self.pull_trigger()
            self._on_drain()

    def readable(self) -> bool:
        """Return whether to accept connections."""
        accepts = bool(super().readable())  # does the periodic maintenance as well
        free = len(self.running) < self.limits.threads
        return accepts and free and self._draining_since is None

    def check(self, now: float) -> None:
        """Enforce the limits.

        Args:
            now: The monotonic time.
        """
        if self._open_inodes() != self._inodes:
            log.critical("web process exits because a request closed its file descriptors")
            self.end(HUNG)
        for connection in list(self.running.values()):
            seconds = now - (connection.running_since or now)
            if seconds > self.limits.request_seconds and not connection.given_up:
                connection.give_up()
            elif seconds > self.limits.request_seconds + GRACE_SECONDS:
                self.exit_code = HUNG
                self.drain(f"a request hung: {connection.path}")
        if usage := overgrown(self._first_size):
            self.drain(usage)
        self._close_slow(now)

    def _close_slow(self, now: float) -> None:
        """Close connections that take too long to send a request, and the oldest of too many."""
        draining = self._draining_since is not None
        read_seconds = READ_SECONDS_AT_DRAIN if draining else self.limits.read_seconds
        waiting = [c for c in self._connections() if not c.requests and not c.total_outbufs_len]
        for connection in waiting:
            if connection.request is None:
                connection.reading_since = None
                # a new connection may be about to send its request
                idle = time.time() - connection.last_activity > 1
                connection.will_close = connection.will_close or (draining and idle)
            elif connection.reading_since is None:
                connection.reading_since = now
            elif now - connection.reading_since > read_seconds:
                connection.will_close = True
        if len(waiting) > self.limits.connections * 0.9:
            waiting.sort(key=lambda connection: connection.creation_time)
            for connection in waiting[: len(waiting) // 2]:
                connection.will_close = True

    def _connections(self) -> list[Connection]:
        return cast("list[Connection]", list(self.active_channels.values()))

    def _drained(self) -> bool:
        since = self._draining_since
        return since is not None and (
            not self.active_channels or time.monotonic() - since > self.limits.drain_seconds
        )

    def _open_inodes(self) -> list[int]:
        """Return the inodes of the listening socket and of the wake-up pipe."""
        inodes = []
        for descriptor in (self._fileno, *self.trigger._fds):
            try:
                inodes.append(os.fstat(descriptor).st_ino)
            except (OSError, TypeError):
                inodes.append(0)
        return inodes


def guard_exit(process: Process) -> None:
    """Turn `os._exit()` in a request into SystemExit, which only ends the request."""

    def leave(status: int) -> None:
        if os.getpid() == process.pid and threading.get_ident() in process.running:
            process.drain("a request called os._exit()")
            raise SystemExit(status)
        process.end(status)

    os._exit = leave  # type: ignore[assignment]
