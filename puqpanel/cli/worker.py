"""`puqpanel worker`: a parent that keeps a number of task workers running."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from types import FrameType

import click
import structlog

from puqpanel.cli.context import load_settings, ready_to_serve
from puqpanel.host.containment import output_redaction
from puqpanel.infra.processes import die_with_parent
from puqpanel.infra.settings import Settings

log = structlog.get_logger(__name__)
STEADY = 30.0
LONGEST_WAIT = 30.0


@click.command("worker")
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    metavar="N",
    help="How many.  [default: PUQPANEL_WORKERS or 2]",
)
def command(processes: int | None) -> int:
    """Work off the tasks.

    Each worker runs one task at a time in a child process, and ends it when its time is up. SIGTERM
    or Ctrl-C lets running tasks finish; a second one ends them. A worker that dies is replaced, and
    its task is settled by what its module allows.
    """
    settings = load_settings()
    ready_to_serve(settings)
    output_redaction.install()
    # Imported before the fork, so that the workers share the code; engines and connections are each
    # one's own.
    import puqpanel.jobs.entry
    import puqpanel.live
    import puqpanel.tasks.worker  # noqa: F401

    return Pool(settings, processes or settings.workers).run()


class Pool:
    """Forks workers and replaces those that end.

    Args:
        settings: as loaded.
        size: how many workers.
    """

    def __init__(self, settings: Settings, size: int) -> None:
        self.settings, self.size = settings, size
        self.running: dict[int, float] = {}  # process id → since
        self.stopping = 0
        self.quick_deaths = 0
        self.not_before = 0.0

    def run(self) -> int:
        """Works until a signal comes and the last worker has ended."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        while self.running or not self.stopping:
            self._reap()
            while (
                not self.stopping
                and len(self.running) < self.size
                and time.monotonic() >= self.not_before
            ):
                self._fork()
            time.sleep(0.1)
        return 0

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self.stopping += 1
        for pid in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def _fork(self) -> None:
        parent = os.getpid()
        # A signal between the fork and the new handlers would be taken for the parent's own.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                # Ctrl-C reaches the whole group; the parent passes it on
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                die_with_parent(parent, signal.SIGTERM)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
                work(self.settings)
                code = 0
            except SystemExit as ending:
                code = (
                    ending.code if isinstance(ending.code, int) else 0 if ending.code is None else 1
                )
            except BaseException:
                log.exception("a worker failed")
            finally:
                os._exit(code)
        self.running[pid] = time.monotonic()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})

    def _reap(self) -> None:
        for pid, since in list(self.running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            del self.running[pid]
            if self.stopping:
                continue
            lived = time.monotonic() - since
            self.quick_deaths = 0 if lived > STEADY else self.quick_deaths + 1
            wait = min(LONGEST_WAIT, 0.2 * 2**self.quick_deaths) if self.quick_deaths else 0.0
            self.not_before = time.monotonic() + wait
            log.warning(
                "a worker ended and is replaced",
                pid=pid,
                status=os.waitstatus_to_exitcode(status),
                wait=round(wait, 1),
            )


def work(settings: Settings) -> None:
    """One worker, until SIGTERM: what the forked process runs."""
    from puqpanel.jobs.entry import HANDLERS
    from puqpanel.live import Live
    from puqpanel.tasks.worker import run_worker

    run_worker(Live(settings).ensure, HANDLERS, f"{socket.gethostname()}-{os.getpid()}")
