"""`puqpanel worker`: a pool of worker processes."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import ForkProcess
from types import FrameType

import click
import structlog

from puqpanel.cli import scheduler, shared_app
from puqpanel.cli.context import load_settings, prepare_server
from puqpanel.infra.processes import die_with_parent
from puqpanel.infra.settings import Settings
from puqpanel.jobs.entry import HANDLERS  # imported before the fork, so that workers share the code
from puqpanel.live import Live
from puqpanel.tasks.worker import run_worker
from puqpanel.web import register  # noqa: F401 - as above

log = structlog.get_logger(__name__)
STABLE_SECONDS = 30.0
"""Run time after which an exit no longer counts as a quick one."""
MAX_RESTART_DELAY_SECONDS = 30.0
STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM}


@click.command("worker")
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Number of worker processes.  [default: PUQPANEL_WORKERS or 2]",
)
@click.option(
    "--scheduler",
    "with_scheduler",
    is_flag=True,
    help="Run the scheduler as well, in a process that shares the workers' memory.",
)
def command(processes: int | None, with_scheduler: bool) -> None:
    """Run background tasks.

    Each worker process runs one task at a time in a child process and enforces its timeout. A child
    runs up to PUQPANEL_TASKS_PER_CHILD tasks and is replaced earlier if one fails. SIGTERM or
    Ctrl+C lets running tasks finish; a second signal ends them. A worker that dies is replaced, and
    its task is retried or marked as lost, as the module's job options define.
    """
    settings = load_settings()
    prepare_server(settings)
    Pool(settings, processes or settings.workers, with_scheduler=with_scheduler).run()


@dataclass
class Kind:
    """Processes of a pool that do the same, and are delayed together if they exit quickly.

    Attributes:
        run: What they run.
        missing: How many are to be started.
        quick_exits: Exits in a row, each soon after the start.
        not_before: Monotonic time of the next start.
    """

    run: Callable[[Live, int], None]
    missing: int
    quick_exits: int = 0
    not_before: float = 0.0

    def delay_after(self, *, stable: bool) -> float:
        """Delay the next start after an exit, and return the delay in seconds.

        Args:
            stable: Whether the process had run for a while.
        """
        self.quick_exits = 0 if stable else self.quick_exits + 1
        delay = 0.0
        if self.quick_exits:
            exponent = min(self.quick_exits, 10)  # a larger one could overflow
            delay = min(MAX_RESTART_DELAY_SECONDS, 0.2 * 2**exponent)
        self.not_before = time.monotonic() + delay
        return delay


class Pool:
    """Forks worker processes and replaces those that exit.

    The workers share the memory of what the pool has loaded before.

    Args:
        settings: The loaded settings.
        size: Number of worker processes.
        with_scheduler: Whether one more process is the scheduler.
    """

    def __init__(self, settings: Settings, size: int, *, with_scheduler: bool = False) -> None:
        self.live = Live(settings)
        self.kinds = [Kind(work, missing=size), Kind(schedule, missing=int(with_scheduler))]
        self.running: dict[ForkProcess, Kind] = {}
        self.started_at: dict[ForkProcess, float] = {}
        self.signals = 0

    def run(self) -> None:
        """Run until a signal arrives and the last worker has exited."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_signal)
        self._load()
        while self.running or not self.signals:
            self._reap()
            for kind in self.kinds:
                while not self.signals and kind.missing and time.monotonic() >= kind.not_before:
                    self._fork(kind)
            time.sleep(0.1)

    def _load(self) -> None:
        """Build the app once; each worker replaces its own when the modules change."""
        shared_app.build(self.live)
        gc.collect()
        gc.freeze()  # keeps the collector of each worker from copying the pool's memory

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.signals += 1
        for process in self.running:
            process.terminate()

    def _fork(self, kind: Kind) -> None:
        process = multiprocessing.get_context("fork").Process(
            target=kind.run, args=(self.live, os.getpid())
        )
        # Block signals until the child has installed its own handlers.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            process.start()
            self.running[process], self.started_at[process] = kind, time.monotonic()
            kind.missing -= 1
        except OSError:
            log.exception("worker process could not be started")
            kind.not_before = time.monotonic() + MAX_RESTART_DELAY_SECONDS
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def _reap(self) -> None:
        for process, kind in list(self.running.items()):
            if process.is_alive():
                continue
            del self.running[process]
            kind.missing += 1
            stable = time.monotonic() - self.started_at.pop(process) > STABLE_SECONDS
            if self.signals:
                continue
            delay = kind.delay_after(stable=stable)
            log.warning(
                "worker process exited; restarting",
                pid=process.pid,
                exit_code=process.exitcode,
                delay_seconds=round(delay, 1),
            )


def work(live: Live, parent: int) -> None:
    """Run one worker in a forked process until SIGTERM."""
    name = f"{socket.gethostname()}-{os.getpid()}"
    tasks = live.settings.tasks_per_child
    _run(live, parent, lambda: run_worker(live.ensure, HANDLERS, name, tasks))


def schedule(live: Live, parent: int) -> None:
    """Run the scheduler in a forked process until SIGTERM."""
    _run(live, parent, lambda: scheduler.run(live))


def _run(live: Live, parent: int, run: Callable[[], None]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Ctrl+C reaches the whole process group; the parent forwards it as SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(parent, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    code = 1
    try:
        shared_app.adopt(live)
        run()
        code = 0
    except Exception:
        log.exception("worker process failed")
    finally:
        os._exit(code)  # threads that modules started must not delay the exit
        raise SystemExit(1) from None
