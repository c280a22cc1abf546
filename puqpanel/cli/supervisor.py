"""Supervision of child processes: start, restart after an exit, and stop with a grace period."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from puqpanel.infra.processes import die_with_parent

MAX_RESTART_DELAY_SECONDS = 30.0
STABLE_SECONDS = 60.0
"""Run time after which an exit no longer counts as a repeated failure."""


@dataclass(slots=True)
class Child:
    """A process to keep running.

    Args:
        name: Display name.
        command: Program and arguments.
        env: Complete environment.
        fds: File descriptors to inherit.
        grace_seconds: Time to exit after SIGTERM before SIGKILL.
        last: Stop it after all others, because they depend on it.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    fds: Sequence[int] = ()
    grace_seconds: float = 20.0
    last: bool = False
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    not_before: float = 0.0


class Group:
    """Child processes that are kept running until `stop()`.

    Each child leads its own process group: Ctrl+C in the terminal reaches only the supervisor, and
    a child is killed together with its descendants. The kernel ends the children if the supervisor
    is killed. Make all calls from one thread that lives as long as the supervisor.

    Args:
        report: Called with a message when a child exits or has to be killed.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self.children: list[Child] = []
        self._report = report

    def add(self, child: Child) -> None:
        """Start a child and supervise it."""
        self.children.append(child)
        self._start(child)

    def tick(self) -> None:
        """Restart exited children; call this a few times a second."""
        now = time.monotonic()
        for child in self.children:
            if child.process is not None:
                code = child.process.poll()
                if code is None:
                    continue
                _kill_group(child.process.pid)  # descendants that are still running
                child.process = None
                stable = now - child.started_at > STABLE_SECONDS
                child.failures = 1 if stable else child.failures + 1
                delay = _restart_delay(child.failures)
                child.not_before = now + delay
                when = f"in {delay:.1f} s" if delay else "now"
                self._report(f"{child.name} exited ({_exit_text(code)}); restarting {when}.")
            if now >= child.not_before:
                self._start(child)

    def stop(self, hurry: Callable[[], bool]) -> None:
        """Stop all children, those marked `last` after the others.

        Args:
            hurry: Polled during the grace period; True ends it.
        """
        for last in (False, True):
            running = [
                (child, child.process)
                for child in self.children
                if child.last is last and child.process is not None
            ]
            for _, process in running:
                process.terminate()
            stop_started_at = time.monotonic()
            for child, process in running:
                deadline = stop_started_at + child.grace_seconds
                while process.poll() is None and not hurry() and time.monotonic() < deadline:
                    time.sleep(0.05)
                if process.poll() is None:
                    self._report(f"{child.name} did not stop in time; killing it.")
                _kill_group(process.pid)
                process.wait()
                child.process = None

    def _start(self, child: Child) -> None:
        child.started_at = time.monotonic()
        child.process = subprocess.Popen(
            child.command,
            env=dict(child.env),
            stdin=subprocess.DEVNULL,
            pass_fds=child.fds,
            process_group=0,
            # safe after a fork: takes no locks
            preexec_fn=functools.partial(die_with_parent, os.getpid(), signal.SIGTERM),  # noqa: PLW1509
        )


def _restart_delay(failures: int) -> float:
    if failures == 1:
        return 0.0
    exponent = min(failures - 2, 10)  # a larger one could overflow
    return min(MAX_RESTART_DELAY_SECONDS, 0.5 * 2.0**exponent)


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _exit_text(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"
