"""A worker's child process, which runs tasks one after another.

The parent claims a task, sends it through a pipe and waits for the report. A child is replaced
after a number of tasks. It is replaced earlier if a task does not end normally, leaves threads
running or changes the process (`_process_state`), if its memory grows, if it is idle for long, and
when the modules change. Values that modules keep in memory remain; see docs/best-practices.md.
"""

from __future__ import annotations

import decimal
import locale
import math
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from contextvars import copy_context
from enum import Enum
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NoReturn, Protocol

import structlog
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from puqpanel.infra.db import adopt_engines, dispose_engines
from puqpanel.infra.processes import die_with_parent, overgrown, resident
from puqpanel.models import Task
from puqpanel.tasks import fence, run
from puqpanel.tasks.outcome import Handlers

log = structlog.get_logger(__name__)
TASKS_PER_CHILD = 25
"""Number of tasks after which a child is replaced, by default."""
MAX_GROWTH = 128 * 1024 * 1024
"""Bytes of memory growth after which a child is replaced."""
THREAD_SECONDS = 0.1
"""Time that a thread of a task has to end after it, such as a cancelled timer."""
STARTED, AGAIN, LAST = b"s", b"1", b"0"
"""Messages of a child: task received; done, ready for another one; done and exiting."""
SIGNALS = (
    signal.SIGALRM,
    signal.SIGCHLD,
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGPIPE,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
)


class Application(Protocol):
    """The assembled panel."""

    def app_context(self) -> AbstractContextManager[Any]:
        """Return the context that database access requires."""


class Penalty(UnixSignalDeathPenalty):
    """Interrupts a job with a BaseException, which `except Exception` does not swallow."""

    def handle_death_penalty(self, signum: int, frame: object) -> None:
        """Raise the exception in the main thread."""
        kind = fence.TimedOut if self._exception is JobTimeoutException else self._exception
        raise kind(f"after {self._timeout} s")


class Report(Enum):
    """The state of the task that was sent to a child."""

    RUNNING = "running"
    DONE = "done"
    LAST = "last"
    """Done, and the child has exited or is about to."""
    NONE = "none"
    """The child exited or closed its pipe without a report."""


class Child:
    """A child as its parent sees it; creating it forks.

    Args:
        app: The app that its tasks run in.
        handlers: Job name → handler.
        tasks: Maximum number of tasks.

    Attributes:
        pid: Its process id; also its process group.
        started: Whether it received the task that it was given last.
        idle_since: When it had nothing to do any more, in `time.monotonic()` time.
    """

    def __init__(self, app: Application, handlers: Handlers, tasks: int) -> None:
        self.app, self.idle_since, self.started = app, time.monotonic(), False
        parent = os.getpid()
        self._reaped = False
        self._pipe, other_end = Pipe()
        dispose_engines()  # a connection must not be open in two processes
        self.pid = os.fork()
        if self.pid == 0:
            self._pipe.close()
            _main(parent, other_end, app, handlers, tasks)
        other_end.close()
        with suppress(OSError):  # the child does this too, in case it is scheduled first
            os.setpgid(self.pid, self.pid)

    def can_run(self, app: Application) -> bool:
        """Return whether it is alive and has this app."""
        return self.app is app and not self._has_ended()

    def give(self, task: Task, owner: str) -> None:
        """Send it a claimed task; `wait` reports if it has exited in the meantime."""
        self.idle_since, self.started = math.inf, False
        with suppress(OSError):
            self._pipe.send((task, owner))

    def wait(self, seconds: float) -> Report:
        """Wait for its report on the task, for at most some seconds."""
        with suppress(EOFError, OSError):
            # Also ask the kernel: a process that a task started may hold the pipe open.
            if self._pipe.poll(seconds) or (self._has_ended() and self._pipe.poll()):
                message = self._pipe.recv_bytes()
                if message == STARTED:
                    self.started = True
                    return self.wait(seconds)
                self.idle_since = time.monotonic()
                return Report.DONE if message == AGAIN else Report.LAST
            return Report.NONE if self._has_ended() else Report.RUNNING
        return Report.NONE

    def kill(self, *, group: bool = False) -> None:
        """Kill it if it is alive, and release what the parent holds; harmless if repeated.

        Args:
            group: Kill the processes that its tasks started as well.
        """
        if not self._reaped:  # until then, its pid is not another process's
            with suppress(OSError):
                (os.killpg if group else os.kill)(self.pid, signal.SIGKILL)
            with suppress(OSError):
                os.waitpid(self.pid, 0)
            self._reaped = True
        with suppress(EOFError, OSError):  # it may have started what the parent does not know of
            while not self._pipe.closed and self._pipe.poll():
                self.started = self._pipe.recv_bytes() == STARTED or self.started
        self._pipe.close()

    def _has_ended(self) -> bool:
        if self._reaped:
            return True
        try:
            state = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            self._reaped = True
        return self._reaped or state is not None


def _main(
    parent: int, pipe: Connection, app: Application, handlers: Handlers, tasks: int
) -> NoReturn:
    """Run tasks and exit: the child never becomes a second worker."""
    status = 1
    try:
        os.setpgrp()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        die_with_parent(parent, signal.SIGKILL)
        adopt_engines()
        _serve(pipe, app, handlers, tasks)
        status = 0
    except EOFError:  # the parent closed the pipe
        status = 0
    except BaseException:
        log.exception("child failed")
    finally:
        os._exit(status)


def _serve(pipe: Connection, app: Application, handlers: Handlers, tasks: int) -> None:
    own_pid, memory = os.getpid(), resident()
    before = _process_state()
    for remaining in range(tasks - 1, -1, -1):
        task, owner = pipe.recv()
        pipe.send_bytes(STARTED)
        random.seed()  # as after a fork: a module may have seeded it
        fence.set_owner(owner)
        fence.hand_over(task)
        ended = copy_context().run(_run, app, task, handlers)
        if os.getpid() != own_pid:
            return  # a job forked and let its own child return
        again = (
            bool(remaining)
            and ended
            and not overgrown(memory, MAX_GROWTH)
            and not _threads()
            and _process_state() == before
        )
        pipe.send_bytes(AGAIN if again else LAST)
        if not again:
            return


def _run(app: Application, task: Task, handlers: Handlers) -> bool:
    """Run a task; return whether it ended normally."""
    try:
        with app.app_context(), Penalty(task.timeout, JobTimeoutException):  # type: ignore[no-untyped-call]
            return run.run(task.id, handlers)
    except fence.JobEnded:
        return False  # the timeout, as the task ended


def _threads() -> bool:
    """Return whether threads are left that do not end immediately."""
    others = [one for one in threading.enumerate() if one is not threading.current_thread()]
    for thread in others:
        thread.join(THREAD_SECONDS)
    return any(thread.is_alive() for thread in others) or len(os.listdir("/proc/self/task")) > 1


def _process_state() -> tuple[object, ...]:
    """Return the process state that a job can change for the jobs that follow it."""
    umask = os.umask(0o077)
    os.umask(umask)
    arithmetic = decimal.getcontext()
    readers: tuple[Callable[[], object], ...] = (
        os.environ.copy,
        sys.path.copy,
        sys.getrecursionlimit,
        socket.getdefaulttimeout,
        lambda: [signal.getsignal(number) for number in SIGNALS],
        lambda: (sys.stdin, sys.stdout, sys.stderr),
        lambda: locale.setlocale(locale.LC_ALL),
        lambda: (arithmetic.prec, arithmetic.rounding),
    )
    try:
        folder = os.getcwd()
    except OSError:  # deleted
        folder = ""
    return umask, folder, *(read() for read in readers)
