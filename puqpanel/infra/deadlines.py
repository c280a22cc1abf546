"""Deadlines of whole requests, however slowly the server sends.

The timeouts of a socket apply to each read. A server that sends a byte now and then, in its status
line, its headers, the sizes of its chunks or compressed content without effect, never reaches them.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from contextvars import ContextVar
from typing import Self

_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


class Deadline:
    """A time at which the connection of the request within `with` is shut down.

    Attributes:
        passed: Whether it was reached; the response is incomplete then.
        is_sent: Whether the request was sent completely, and a response is waited for.
    """

    def __init__(self, until: float) -> None:
        """Set the time, in `time.monotonic()` time."""
        self.until = until
        self.passed = self.is_sent = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(max(0.0, until - time.monotonic()), self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)
        self._timer.cancel()
        with self._lock:
            self._socket = None

    def watch(self, connection: socket.socket | None) -> None:
        """Shut this connection, on which a request was sent, down at the deadline."""
        self.is_sent = True
        with self._lock:
            self._socket = connection
        if self.passed:
            self._cut()

    def _cut(self) -> None:
        with self._lock:
            self.passed = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    # not the method of TLS sockets, which forgets the state that a read is using
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def current() -> Deadline | None:
    """Return the deadline of the request that is being sent."""
    return _current.get()
