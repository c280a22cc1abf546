"""The RQ worker: forks a child for each task, keeps its lease alive from the parent, and notices
when the child is gone.

The parent beats because a child that holds the interpreter's lock stops any thread of its own. The
child dies with its parent, so that no orphan works on a task that somebody else was given.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

import structlog
from rq.exceptions import StopRequested
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty
from rq.worker import Worker

from puqpanel.domain.task_states import QUEUES
from puqpanel.infra import queue
from puqpanel.infra.db import adopt_engines, dispose_engines
from puqpanel.infra.processes import die_with_parent
from puqpanel.models import Task
from puqpanel.tasks import claim, concurrency, fence, heartbeat, sweep
from puqpanel.tasks.outcome import Handlers

log = structlog.get_logger(__name__)
SWALLOWED = 5
"""Seconds after its timeout at which a job that swallowed it is killed."""


class Application(Protocol):
    """The panel, assembled."""

    def app_context(self) -> AbstractContextManager[Any]:
        """What code needs around it to use the database."""


class Penalty(UnixSignalDeathPenalty):
    """Ends a job with a BaseException, which `except Exception` does not swallow; a child's
    `finally` still runs.
    """

    def handle_death_penalty(self, signum: int, frame: object) -> None:
        """Raises in the main thread, wherever it is."""
        kind = fence.TimedOut if self._exception is JobTimeoutException else self._exception
        raise kind(f"after {self._timeout} s")


class PanelWorker(Worker):
    """RQ's fork worker, with the row's lease in place of RQ's registries."""

    death_penalty_class = Penalty
    max_connection_wait_time = 5

    def __init__(
        self, *args: Any, ensure_app: Callable[[], Application], handlers: Handlers, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.ensure_app, self.handlers = ensure_app, handlers
        self.app = ensure_app()
        self.task_id, self.holder, self.exit_status = 0, "", 0
        self.last_beat, self.occupied, self.forked = 0.0, False, False

    @property
    def told_to_stop(self) -> bool:
        """Whether a signal has asked this worker to end."""
        return bool(self._stop_requested or self._shutdown_requested_date)

    def _shutdown(self) -> None:
        """The first signal: an idle worker stops at once.

        Raised in the middle of a claim or a heartbeat, that would be swallowed there, or leave a
        task with nobody; so it is kept until those are over, and asks nothing of the queue server,
        which may be away.
        """
        if not self.occupied:
            raise StopRequested
        self._stop_requested = True

    @contextlib.contextmanager
    def _undisturbed(self) -> Iterator[None]:
        before, self.occupied = self.occupied, True
        try:
            yield
        finally:
            self.occupied = before

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Brings the app up to date and claims the row, which is cheap in a warm process; forks
        only for what is this worker's to do.
        """
        with self._undisturbed():
            self.task_id, self.holder = int(job.args[0]), f"{self.name}/{job.id}"
            fence.set_owner(self.holder)
            task = self._take()
            if task is None:
                job.delete()
                return
            self.exit_status, self.forked = 0, False
            fence.hand_over(task)
            try:
                super().execute_job(job, queue)
            finally:
                fence.hand_over(None)
                # the queue server went away, or there was no room for a child: nothing was begun
                if not self.forked:
                    with contextlib.suppress(Exception), self.app.app_context():
                        claim.give_back(task, self.holder)

    def _take(self) -> Task | None:
        """The row, claimed; None when it is not to be had, or not any more by this worker."""
        try:
            self.app = self.ensure_app()
            if self._stop_requested:
                return None
            with self.app.app_context():
                return (
                    None
                    if concurrency.gives_way(self.task_id)
                    else claim.claim(self.task_id, self.holder)
                )
        except Exception:
            # the sweeper sends it again
            log.exception("task could not be claimed", task=self.task_id)
            return None

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Forks without open connections."""
        dispose_engines()
        super().fork_work_horse(job, queue)
        self.forked = True

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """The child: dies with its parent, and has warmed engines with no inherited socket.

        Whatever happens, it does not return to be a second worker.
        """
        try:
            assert self.pid is not None
            die_with_parent(self.pid, signal.SIGKILL)
            adopt_engines()
            with self.app.app_context():
                super().main_work_horse(job, queue)
        finally:
            os._exit(1)

    def wait_for_horse(self) -> tuple[Any, Any, Any]:
        """Keeps the child's exit status: RQ's own idea of the job does not matter."""
        pid, status, usage = super().wait_for_horse()
        self.exit_status = status or 0
        return pid, status, usage

    def maintain_heartbeats(self, job: Job) -> None:
        """Every few seconds while a child runs: the lease, RQ's keys, and an end to a child
        that may not go on.
        """
        held = True
        with contextlib.suppress(Exception), self.app.app_context():
            held = claim.beat(self.task_id, self.holder)
        self.beat()
        with contextlib.suppress(queue.QueueError):
            super().maintain_heartbeats(job)
        if not held or (
            job.timeout and 0 < job.timeout + SWALLOWED < self.current_job_working_time
        ):
            self.kill_horse()

    def set_current_job_working_time(self, *args: Any, **options: Any) -> None:
        """RQ's own note of how long it takes; the queue server may be away."""
        with contextlib.suppress(queue.QueueError):
            super().set_current_job_working_time(*args, **options)

    def handle_work_horse_killed(self, job: Job, retpid: int, ret_val: int, rusage: object) -> None:
        """The row is settled in `monitor_work_horse`, whatever RQ thinks happened."""

    def monitor_work_horse(self, job: Job, queue: Queue) -> None:
        """Waits for the child; when it did not end by itself, its task is taken up at once."""
        try:
            super().monitor_work_horse(job, queue)
        finally:
            if self.exit_status != 0:
                with contextlib.suppress(Exception), self.app.app_context():
                    sweep.rescue(self.handlers, self.task_id, self.holder)

    def heartbeat(self, *args: Any, **options: Any) -> None:
        """RQ's heartbeat between jobs; the row that health is told from is written beside it."""
        self.beat()
        super().heartbeat(*args, **options)

    def beat(self) -> None:
        """Writes this worker's row, not more often than needed."""
        if time.monotonic() - self.last_beat < heartbeat.EVERY or self.is_horse:
            return
        self.last_beat = time.monotonic()
        with self._undisturbed(), contextlib.suppress(Exception):
            self.app = self.ensure_app()
            with self.app.app_context():
                heartbeat.beat("worker", self.name, getattr(self.app, "generation", 0))
        if self._stop_requested and not self.occupied:
            raise StopRequested


def run_worker(ensure_app: Callable[[], Application], handlers: Handlers, name: str = "") -> None:
    """Works until told to stop (SIGTERM or SIGINT: after the current task; twice: at once).

    Args:
        ensure_app: the panel with the modules that are switched on now.
        handlers: job name → handler.
        name: unique; host and process id unless given.
    """
    name = name or f"{socket.gethostname()}-{os.getpid()}"
    app = ensure_app()
    with app.app_context():
        warm()
    # between two connections the signal finds nothing to wait for
    with contextlib.suppress(StopRequested):
        while True:
            try:
                if _work(name, ensure_app, handlers):
                    break
            except (queue.QueueError, ValueError) as error:
                # ValueError: RQ still has a worker of this name on its books, from before the
                # server went away
                log.warning("queue server away", error=type(error).__name__)
                name = (
                    f"{name.split('~')[0]}~{int(time.time())}"
                    if isinstance(error, ValueError)
                    else name
                )
            time.sleep(1)
    with app.app_context(), contextlib.suppress(Exception):
        heartbeat.leave(name)


def _work(name: str, ensure_app: Callable[[], Application], handlers: Handlers) -> bool:
    """One worker on one connection; whether it ended because it was told to."""
    server = queue.connect(queue.server_url(), socket_connect_timeout=5)
    worker = PanelWorker(
        [queue.queue(each, server) for each in QUEUES],
        name=name,
        connection=server,
        serializer=JSONSerializer,
        ensure_app=ensure_app,
        handlers=handlers,
        job_monitoring_interval=fence.BEAT,
        worker_ttl=20,
        maintenance_interval=600,
        log_job_description=False,
        default_result_ttl=0,
    )
    try:
        worker.work(logging_level="WARNING")
    except queue.QueueError:
        if not worker.told_to_stop:
            raise
    return worker.told_to_stop


def warm() -> None:
    """Runs every statement a task needs once, so that each child finds them compiled; then
    leaves the heap to be shared.
    """
    concurrency.gives_way(-1)
    claim.claim(-1, "warm")
    claim.beat(-1, "warm")
    dispose_engines()
    gc.collect()
    gc.freeze()
