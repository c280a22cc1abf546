"""`puqpanel worker`: a pool of worker processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from types import FrameType

import click
import structlog

from puqpanel.cli.context import load_settings, prepare_server
from puqpanel.host.containment import output_redaction
from puqpanel.infra.processes import die_with_parent
from puqpanel.infra.settings import Settings

log = structlog.get_logger(__name__)
STABLE_SECONDS = 30.0
"""Run time after which an exit no longer counts as a quick one."""
MAX_RESTART_DELAY_SECONDS = 30.0


@click.command("worker")
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Number of worker processes.  [default: PUQPANEL_WORKERS or 2]",
)
def command(processes: int | None) -> int:
    """Run background tasks.

    Each worker process runs one task at a time in a child process and enforces its timeout. SIGTERM
    or Ctrl+C lets running tasks finish; a second signal ends them. A worker that dies is replaced,
    and its task is retried or marked as lost, as the module's job options define.
    """
    settings = load_settings()
    prepare_server(settings)
    output_redaction.install()
    # Import before the fork so that the workers share the code in memory.
    import puqpanel.jobs.entry
    import puqpanel.live
    import puqpanel.tasks.worker  # noqa: F401

    return Pool(settings, processes or settings.workers).run()


class Pool:
    """Forks worker processes and replaces those that exit.

    Args:
        settings: The loaded settings.
        size: Number of worker processes.
    """

    def __init__(self, settings: Settings, size: int) -> None:
        self.settings, self.size = settings, size
        self.started_at: dict[int, float] = {}  # process id → start time
        self.signals = 0
        self.quick_exits = 0
        self.not_before = 0.0

    def run(self) -> int:
        """Run until a signal arrives and the last worker has exited; return the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        while self.started_at or not self.signals:
            self._reap()
            while (
                not self.signals
                and len(self.started_at) < self.size
                and time.monotonic() >= self.not_before
            ):
                self._fork()
            time.sleep(0.1)
        return 0

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.signals += 1
        for pid in self.started_at:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def _fork(self) -> None:
        parent = os.getpid()
        # Block signals until the child has installed its own handlers.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        pid = os.fork()
        if pid == 0:
            self._run_child(parent)
        self.started_at[pid] = time.monotonic()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})

    def _run_child(self, parent: int) -> None:
        """Run a worker in the forked process, and exit."""
        code = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            # Ctrl+C reaches the whole process group; the parent forwards it as SIGTERM.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            die_with_parent(parent, signal.SIGTERM)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
            work(self.settings)
            code = 0
        except SystemExit as error:
            if error.code is None:
                code = 0
            elif isinstance(error.code, int):
                code = error.code
        except BaseException:
            log.exception("worker process failed")
        finally:
            os._exit(code)

    def _reap(self) -> None:
        for pid, started_at in list(self.started_at.items()):
            exited, status = os.waitpid(pid, os.WNOHANG)
            if not exited:
                continue
            del self.started_at[pid]
            if self.signals:
                continue
            stable = time.monotonic() - started_at > STABLE_SECONDS
            self.quick_exits = 0 if stable else self.quick_exits + 1
            delay = 0.0
            if self.quick_exits:
                exponent = min(self.quick_exits, 10)  # a larger one could overflow
                delay = min(MAX_RESTART_DELAY_SECONDS, 0.2 * 2**exponent)
            self.not_before = time.monotonic() + delay
            log.warning(
                "worker process exited; restarting",
                pid=pid,
                exit_code=os.waitstatus_to_exitcode(status),
                delay_seconds=round(delay, 1),
            )


def work(settings: Settings) -> None:
    """Run one worker in this process until SIGTERM."""
    from puqpanel.jobs.entry import HANDLERS
    from puqpanel.live import Live
    from puqpanel.tasks.worker import run_worker

    run_worker(Live(settings).ensure, HANDLERS, f"{socket.gethostname()}-{os.getpid()}")
