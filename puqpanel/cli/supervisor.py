"""Child processes that live and die together: started, watched, started again when they end,
stopped with a grace.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from puqpanel.infra.processes import die_with_parent

LONGEST_WAIT = 30.0
STEADY = 60.0
"""Seconds after which a child counts as well again, and its next start is not delayed."""


@dataclass(slots=True)
class Child:
    """One process to keep running.

    Args:
        name: as people call it.
        command: program and arguments.
        env: its whole environment.
        fds: open files that it inherits.
        grace: seconds it has to end in after SIGTERM.
        last: stop it only after the others have ended, because they use it.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    fds: Sequence[int] = ()
    grace: float = 20.0
    last: bool = False
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    not_before: float = 0.0
    starts: int = field(default=0)


class Group:
    """Children that are kept running until stop().

    Every child leads a process group, so that Ctrl-C in the terminal reaches the supervisor alone
    and a child that overstays is ended with all of its own. The kernel ends them when the
    supervisor is killed. All calls must come from one thread that lives as long.

    Args:
        report: called with a sentence when something happens.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self.children: list[Child] = []
        self._report = report

    def add(self, child: Child) -> None:
        """Starts a child and watches it from now on."""
        self.children.append(child)
        self._start(child)

    def tick(self) -> None:
        """Looks after every child once; call it a few times a second."""
        now = time.monotonic()
        for child in self.children:
            if child.process is not None:
                code = child.process.poll()
                if code is None:
                    continue
                _kill_group(child.process.pid)  # what it may have left behind
                child.process = None
                child.failures = 1 if now - child.started > STEADY else child.failures + 1
                wait = (
                    0.0
                    if child.failures == 1
                    else min(LONGEST_WAIT, 0.5 * 2 ** (child.failures - 2))
                )
                child.not_before = now + wait
                again = f"in {wait:.1f} s" if wait else "now"
                self._report(f"{child.name} ended ({_ending(code)}); it is started again {again}.")
            if now >= child.not_before:
                self._start(child)

    def stop(self, hurry: Callable[[], bool]) -> None:
        """Ends all children, those marked `last` after the others.

        Args:
            hurry: asked again and again; True ends the grace.
        """
        for last in (False, True):
            running = [
                child for child in self.children if child.last is last and child.process is not None
            ]
            for child in running:
                assert child.process is not None
                with contextlib.suppress(ProcessLookupError):
                    child.process.terminate()
            begun = time.monotonic()
            for child in running:
                assert child.process is not None
                while (
                    child.process.poll() is None
                    and not hurry()
                    and time.monotonic() - begun < child.grace
                ):
                    time.sleep(0.05)
                if child.process.poll() is None:
                    self._report(f"{child.name} did not end in time and is killed.")
                _kill_group(child.process.pid)
                child.process.wait()
                child.process = None

    def _start(self, child: Child) -> None:
        child.started, child.starts = time.monotonic(), child.starts + 1
        child.process = subprocess.Popen(
            child.command,
            env=dict(child.env),
            stdin=subprocess.DEVNULL,
            pass_fds=child.fds,
            process_group=0,
            # no lock is taken in it
            preexec_fn=functools.partial(die_with_parent, os.getpid(), signal.SIGTERM),  # noqa: PLW1509
        )


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _ending(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"
