"""The RQ worker: forks a child for each task and renews the task's lease while the child runs.

The parent renews the lease, because a child that holds the GIL would block a thread of its own. The
child dies with its parent, so that no orphan works on a task that another worker owns.
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
from puqpanel.infra.queue import read_task_id
from puqpanel.models import Task
from puqpanel.tasks import claim, concurrency, fence, heartbeat, sweep
from puqpanel.tasks.outcome import Handlers

log = structlog.get_logger(__name__)
KILL_GRACE_SECONDS = 5
"""Time after the timeout at which a job that ignored it is killed."""


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


class PanelWorker(Worker):
    """RQ's forking worker, with task leases instead of RQ's registries."""

    death_penalty_class = Penalty
    job_class = queue.TaskJob
    max_connection_wait_time = 5

    def __init__(
        self, *args: Any, ensure_app: Callable[[], Application], handlers: Handlers, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.ensure_app, self.handlers = ensure_app, handlers
        self.app = ensure_app()
        self.task_id, self.owner, self.exit_status = 0, "", 0
        self.last_beat, self.uninterruptible, self.forked = 0.0, False, False

    @property
    def told_to_stop(self) -> bool:
        """Whether a signal has asked this worker to stop."""
        return bool(self._stop_requested or self._shutdown_requested_date)

    def _shutdown(self) -> None:
        """Stop an idle worker immediately; called at the first signal.

        During a claim or a heartbeat, the exception would be swallowed or would leave a claimed
        task without a worker, so the request is only recorded. The queue server is not used,
        because it may be unavailable.
        """
        if not self.uninterruptible:
            raise StopRequested
        self._stop_requested = True

    @contextlib.contextmanager
    def _defer_signals(self) -> Iterator[None]:
        previous, self.uninterruptible = self.uninterruptible, True
        try:
            yield
        finally:
            self.uninterruptible = previous

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Claim the task, and fork a child if that succeeds.

        The app is updated and the row claimed before the fork, because the parent is warm.
        """
        with self._defer_signals():
            task_id = read_task_id(job.data)
            if task_id is None:
                log.warning("job refused, because it is not a task", job=job.id[:100])
                self.connection.delete(job.key)
                return
            self.task_id, self.owner = task_id, f"{self.name}/{job.id}"
            fence.set_owner(self.owner)
            task = self._claim()
            if task is None:
                job.delete()
                return
            job.timeout = task.timeout
            self.exit_status, self.forked = 0, False
            fence.hand_over(task)
            try:
                super().execute_job(job, queue)
            finally:
                fence.hand_over(None)
                # Without a fork (queue server unavailable, out of memory), nothing has started.
                if not self.forked:
                    with contextlib.suppress(Exception), self.app.app_context():
                        claim.release(task, self.owner)

    def _claim(self) -> Task | None:
        """Claim the task; return None if that fails or this worker is stopping."""
        try:
            self.app = self.ensure_app()
            if self._stop_requested:
                return None
            with self.app.app_context():
                if concurrency.defer_if_busy(self.task_id):
                    return None
                return claim.claim(self.task_id, self.owner)
        except Exception:
            # The sweeper sends it again.
            log.exception("task could not be claimed", task=self.task_id)
            return None

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Fork without open database connections."""
        dispose_engines()
        super().fork_work_horse(job, queue)
        self.forked = True

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Run the job in the child and exit.

        The child dies with its parent. It reuses the parent's engines without their connections,
        and always exits, so that it never becomes a second worker.
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
        """Wait for the child and record its exit status."""
        pid, status, usage = super().wait_for_horse()
        self.exit_status = status or 0
        return pid, status, usage

    def maintain_heartbeats(self, job: Job) -> None:
        """Renew the lease and RQ's keys; called every few seconds while a child runs.

        Kills a child that has lost its lease or ignored its timeout.
        """
        owned = True
        try:
            with self.app.app_context():
                owned = claim.renew(self.task_id, self.owner)
        except Exception:
            log.exception("lease could not be renewed", task=self.task_id)
        self.beat()
        with contextlib.suppress(queue.QueueError):
            super().maintain_heartbeats(job)
        overdue = job.timeout and (
            0 < job.timeout + KILL_GRACE_SECONDS < self.current_job_working_time
        )
        if not owned or overdue:
            self.kill_horse()

    def set_current_job_working_time(self, *args: Any, **options: Any) -> None:
        """Store RQ's working time; ignore an unavailable queue server."""
        with contextlib.suppress(queue.QueueError):
            super().set_current_job_working_time(*args, **options)

    def handle_work_horse_killed(self, job: Job, retpid: int, ret_val: int, rusage: object) -> None:
        """Do nothing: `monitor_work_horse` settles the task."""

    def monitor_work_horse(self, job: Job, queue: Queue) -> None:
        """Wait for the child; rescue its task immediately if it did not exit normally."""
        try:
            super().monitor_work_horse(job, queue)
        finally:
            if self.exit_status != 0:
                with contextlib.suppress(Exception), self.app.app_context():
                    sweep.rescue(self.handlers, self.task_id, self.owner)

    def heartbeat(self, *args: Any, **options: Any) -> None:
        """Send RQ's heartbeat between jobs, and save the row that health checks use."""
        self.beat()
        super().heartbeat(*args, **options)

    def beat(self) -> None:
        """Save this worker's heartbeat if the last one is old enough."""
        if time.monotonic() - self.last_beat < heartbeat.EVERY or self.is_horse:
            return
        self.last_beat = time.monotonic()
        with self._defer_signals():
            try:
                self.app = self.ensure_app()
                with self.app.app_context():
                    heartbeat.beat("worker", self.name, getattr(self.app, "generation", 0))
            except Exception:
                log.exception("heartbeat could not be saved")
        if self._stop_requested and not self.uninterruptible:
            raise StopRequested


def run_worker(ensure_app: Callable[[], Application], handlers: Handlers, name: str = "") -> None:
    """Run a worker until SIGTERM or SIGINT.

    The first signal stops it after the current task, the second one immediately.

    Args:
        ensure_app: Returns the panel with the currently active modules.
        handlers: Job name → handler.
        name: Unique name; by default, host and process id.
    """
    name = name or f"{socket.gethostname()}-{os.getpid()}"
    app = ensure_app()
    with app.app_context():
        warm()
    # Between connections, a signal raises StopRequested here.
    with contextlib.suppress(StopRequested):
        while True:
            try:
                if _work(name, ensure_app, handlers):
                    break
            except (queue.QueueError, ValueError) as error:
                log.warning("queue server unavailable", error=type(error).__name__)
                if isinstance(error, ValueError):
                    # RQ still lists a worker with this name from before the connection was lost.
                    name = f"{name.split('~')[0]}~{int(time.time())}"
            time.sleep(1)
    with app.app_context(), contextlib.suppress(Exception):
        heartbeat.leave(name)


def _work(name: str, ensure_app: Callable[[], Application], handlers: Handlers) -> bool:
    """Run a worker on one connection; return whether it was asked to stop."""
    server = queue.connect(queue.server_url(), socket_connect_timeout=5)
    worker = PanelWorker(
        [queue.queue(queue_name, server) for queue_name in QUEUES],
        name=name,
        connection=server,
        serializer=JSONSerializer,
        ensure_app=ensure_app,
        handlers=handlers,
        job_monitoring_interval=fence.RENEW_SECONDS,
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
    """Compile the statements that each task uses, and freeze the heap to share it with children."""
    concurrency.defer_if_busy(-1)
    claim.claim(-1, "warm")
    claim.renew(-1, "warm")
    dispose_engines()
    gc.collect()
    gc.freeze()
