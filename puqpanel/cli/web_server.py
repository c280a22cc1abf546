"""The web server: processes forked from one parent that share its listening socket.

The parent loads the code and serves nothing. It starts another process when one exits, or when
one announces that it drains (see `web_process`).
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

import puqpanel
from puqpanel.cli.web_process import Limits, Process, guard_exit
from puqpanel.host.containment import crash_markers
from puqpanel.infra.processes import die_with_parent

log = structlog.get_logger(__name__)

STABLE_SECONDS, RESTART_SECONDS = 2.0, 1.0
"""A process that lived shorter than the first is replaced after the second."""
MOST_FILES = 65_536
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_exit = os._exit  # a process replaces it; see `guard_exit`


@dataclass
class _Child:
    pid: int
    news: int
    """File descriptor that is readable when the child drains, and at its end when it exits."""
    started_at: float
    replaced: bool = False


class WebServer:
    """The parent of the web processes.

    Args:
        create: Creates the WSGI application, in each process.
        listener: The listening socket.
        processes: Number of processes.
        limits: Limits of each process.
        stop_seconds: Time for running requests to finish after a signal to stop.
        reload: Restart when the panel's own code changes. Changed modules are left to `live`, which
            replaces the app.
    """

    def __init__(
        self,
        create: Callable[[], Any],
        listener: socket.socket,
        *,
        processes: int,
        limits: Limits | None = None,
        stop_seconds: float = 15.0,
        reload: bool = False,
    ) -> None:
        self._create, self._listener, self._processes = create, listener, processes
        self._limits = limits or Limits()
        self._stop_seconds = stop_seconds
        self._code = _code_times() if reload else None
        self._children: list[_Child] = []
        self._due: list[float] = []
        self._signals = 0

    def run(self) -> None:
        """Serve until a signal arrives."""
        self._listener.setblocking(False)
        self._listener.listen(1024)
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_signal)
        _raise_file_limit()
        gc.collect()
        gc.freeze()  # keeps the collector of each child from copying the parent's pages
        self._due = [0.0] * self._processes
        edited = False
        while not self._signals and not edited:
            self._tick(0.25)
            edited = self._code is not None and self._code != _code_times()
        self._stop()
        if edited:
            log.warning("code changed; the web server restarts")
            self._listener.set_inheritable(True)
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._signals += 1

    def _tick(self, seconds: float) -> None:
        """Start what is due, and wait for news of the children."""
        now = time.monotonic()
        for due in [due for due in self._due if due <= now]:
            self._due.remove(due)
            self._start()
        if self._due:
            seconds = min(seconds, max(0.0, min(self._due) - now))
        news, _, _ = select.select([child.news for child in self._children], [], [], seconds)
        for child in [child for child in self._children if child.news in news]:
            if os.read(child.news, 1):
                self._replace(child, 0.0)
                continue
            os.close(child.news)
            self._children.remove(child)
            _, status = os.waitpid(child.pid, 0)
            if not self._signals:
                code = os.waitstatus_to_exitcode(status)
                (log.info if code == 0 else log.warning)("web process exited", code=code)
            lived = time.monotonic() - child.started_at
            self._replace(child, 0.0 if lived > STABLE_SECONDS else RESTART_SECONDS)

    def _replace(self, child: _Child, delay: float) -> None:
        if not child.replaced and not self._signals:
            child.replaced = True
            self._due.append(time.monotonic() + delay)

    def _start(self) -> None:
        parent = os.getpid()
        reader, writer = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writer)
            self._children.append(_Child(pid, reader, time.monotonic()))
            return
        code = 1
        try:
            die_with_parent(parent, signal.SIGTERM)
            os.close(reader)
            for child in self._children:
                os.close(child.news)
            code = self._serve(writer)
        except BaseException:
            log.exception("web process failed")
        finally:
            if code == 0:
                crash_markers.clear()
            logging.shutdown()
            _exit(code)

    def _serve(self, writer: int) -> int:
        """Serve in a child; return its exit code."""
        early: list[int] = []
        for number in STOP_SIGNALS:
            signal.signal(number, lambda number, _frame: early.append(number))
        app = self._create()

        def announce() -> None:
            with contextlib.suppress(OSError):
                os.write(writer, b"d")

        process = Process(app, self._listener, self._limits, announce)
        guard_exit(process)
        for number in STOP_SIGNALS:
            signal.signal(number, lambda _number, _frame: process.stop())
        if early or self._signals:  # one that arrived before the handlers were in place
            process.stop()
        process.run()
        return process.exit_code

    def _stop(self) -> None:
        """Stop the children, after their running requests if there is time."""
        self._signals = max(self._signals, 1)
        signals, deadline = self._signals, time.monotonic() + self._stop_seconds
        self._due.clear()
        self._kill(signal.SIGTERM)
        while self._children and self._signals == signals and time.monotonic() < deadline:
            self._tick(0.2)
        self._kill(signal.SIGKILL)
        while self._children:
            self._tick(0.2)

    def _kill(self, number: int) -> None:
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, number)


def _raise_file_limit() -> None:
    """Allow as many open files as the system lets this process have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _code_times() -> dict[Path, float]:
    """Return the modification times of the panel's own code."""
    times = {}
    for path in Path(puqpanel.__path__[0]).rglob("*.py"):
        with contextlib.suppress(OSError):
            times[path] = path.stat().st_mtime
    return times
