"""The RQ worker: claims tasks, gives them to its child and renews the lease while the child runs.

The parent renews the lease, because a child that holds the GIL would block a thread of its own. The
child dies with its parent, so that no orphan works on a task that another worker owns. RQ handles
the queues, the connection and signals. The RQ job is deleted before the task runs, because the
database row is authoritative.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
import structlog
from rq.exceptions import StopRequested
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.worker import Worker

from puqpanel.domain.task_states import QUEUES
from puqpanel.infra import queue
from puqpanel.infra.db import dispose_engines, save, transaction
from puqpanel.infra.queue import read_task_id
from puqpanel.models import Task
from puqpanel.tasks import claim, concurrency, fence, heartbeat, sweep, turns
from puqpanel.tasks.child import TASKS_PER_CHILD, Application, Child, Penalty, Report
from puqpanel.tasks.outcome import Handlers, Outcome

log = structlog.get_logger(__name__)
NAMES = {name.lower(): name for name in QUEUES}
"""RQ's name of a queue → the documented one."""
LONGEST_DUE_EVERY = 5
"""One of so many tasks that a worker runs is the one that has been due longest."""
KILL_GRACE_SECONDS = 5
"""Time after the timeout at which a job that ignored it is killed."""

IDLE_SECONDS = 30
"""Time without a task after which a child is ended, for its memory and its connections."""


class PanelWorker(Worker):
    """An RQ worker that runs tasks in its own child, with leases instead of RQ's registries."""

    death_penalty_class = Penalty
    job_class = queue.TaskJob
    max_connection_wait_time = 5

    def __init__(
        self,
        *args: Any,
        ensure_app: Callable[[], Application],
        handlers: Handlers,
        tasks_per_child: int = TASKS_PER_CHILD,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.ensure_app, self.handlers = ensure_app, handlers
        self.tasks_per_child = tasks_per_child
        self.app = ensure_app()
        self.child: Child | None = None
        self.task_id, self.owner = 0, ""
        self.last_beat, self.uninterruptible, self.received = 0.0, False, 0

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
        """Claim the task, give it to the child and wait until it has ended.

        The parent updates the app before it claims, so that the child never runs outdated modules.
        """
        with self._defer_signals():
            task_id = read_task_id(job.data)
            if task_id is None:
                log.warning("job refused, because it is not a task", job=job.id[:100])
                self.connection.delete(job.key)
                return
            self.task_id, self.owner = task_id, f"{self.name}/{job.id}"
            task = self._claim(NAMES.get(queue.name, QUEUES[0]))
            child = None
            try:
                self.connection.delete(job.key)
                if task is not None:
                    child = self._ready_child()
            finally:
                if task is not None and child is None:  # queue server unavailable, out of memory
                    self._release(task)
            if task is not None and child is not None:
                self._run(child, task)

    def _release(self, task: Task) -> None:
        """Undo the claim of a task that has not started."""
        with contextlib.suppress(Exception), self.app.app_context():
            claim.release(task, self.owner)

    def _ready_child(self) -> Child:
        """Return a child that can run a task in the current app; fork one if there is none."""
        if self.child is None or not self.child.can_run(self.app):
            self._kill_child()
            self.child = Child(self.app, self.handlers, self.tasks_per_child)
        return self.child

    def _run(self, child: Child, task: Task) -> None:
        """Let a child run a task; kill the child if it ignores its timeout or lost its lease.

        If the child died, its task is rescued immediately, or waits again if it had not started.
        """
        started, report = time.monotonic(), Report.NONE
        try:
            try:
                child.give(task, self.owner)
            except Exception:
                log.exception("task could not be sent to the child", task=task.id)
                return
            while (report := child.wait(self.job_monitoring_interval)) is Report.RUNNING:
                overdue = time.monotonic() - started > task.timeout + KILL_GRACE_SECONDS
                if not self._keep_lease() or overdue:
                    break
        finally:
            if report is not Report.DONE:
                self._kill_child(group=report is not Report.LAST)
            if not child.started:
                self._release(task)
            elif report in (Report.NONE, Report.RUNNING):
                with contextlib.suppress(Exception), self.app.app_context():
                    sweep.rescue(self.handlers, self.task_id, self.owner)

    def _keep_lease(self) -> bool:
        """Renew the lease and the heartbeats; return False if the lease is lost."""
        owned = True
        try:
            with self.app.app_context():
                owned = claim.renew(self.task_id, self.owner)
        except Exception:
            log.exception("lease could not be renewed", task=self.task_id)
        with contextlib.suppress(queue.QueueError):
            self.heartbeat()
        return owned

    def _kill_child(self, *, group: bool = False) -> None:
        if self.child is not None:
            self.child.kill(group=group)
            self.child = None

    def teardown(self) -> None:
        """Kill the child, and shut the worker down."""
        self._kill_child()
        super().teardown()  # type: ignore[no-untyped-call]

    def _claim(self, queue_name: str) -> Task | None:
        """Claim a task; return None if that fails or this worker is stopping."""
        try:
            self.app = self.ensure_app()
            if self._stop_requested:
                return None
            with self.app.app_context():
                return self._claim_next(queue_name)
        except Exception:
            # The sweeper sends it again.
            log.exception("task could not be claimed", task=self.task_id)
            return None

    def _claim_next(self, queue_name: str) -> Task | None:
        """Claim the task whose turn it is; the received id says only that a task is waiting."""
        received = self.task_id
        longest_due = self.received % LONGEST_DUE_EVERY == 0
        while (following := turns.pick(queue_name, longest_due=longest_due)) is not None:
            self.task_id, module = following
            if concurrency.defer_if_busy(self.task_id, module):
                return None
            try:
                task = claim.claim(self.task_id, self.owner)
            except (sa.exc.OperationalError, sa.exc.InterfaceError):
                raise  # the database is unavailable
            except Exception as error:
                log.exception("task could not be claimed", task=self.task_id)
                claim.postpone(self.task_id, error)  # the others must not wait for it
                return None
            if task is not None:
                return task  # None: another worker claimed it first
        self.task_id = received
        return claim.claim(received, self.owner)

    def subscribe(self) -> None:
        """Do nothing: ignore RQ's commands, which can stop jobs and workers."""

    def unsubscribe(self) -> None:
        """Do nothing; see `subscribe`."""

    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """Kill the child and the processes that its task started."""
        self._kill_child(group=True)

    def reorder_queues(self, reference_queue: object) -> None:
        """Serve the queues by priority, but start every second time with a different queue.

        A long queue then slows the others down but does not stop them.
        """
        self.received += 1
        turn, odd = divmod(self.received, 2)
        first = 0 if odd else turn % len(self.queues)
        self._ordered_queues = [*self.queues[first:], *self.queues[:first]]

    def set_state(self, state: str, pipeline: object = None) -> None:
        """Keep the state in this process; nothing reads it in the queue server."""
        self._state = state

    def check_for_suspension(self, burst: bool) -> None:
        """Do nothing: queues are not suspended."""

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Send the heartbeats that are due: RQ's, and the row that health checks use.

        RQ calls it several times for each job.
        """
        if self.child is not None and time.monotonic() - self.child.idle_since > IDLE_SECONDS:
            self._kill_child()
        if self.beat():
            super().heartbeat(timeout, pipeline)

    def beat(self) -> bool:
        """Save this worker's heartbeat if it is due; return whether it was due."""
        if time.monotonic() - self.last_beat < heartbeat.EVERY:
            return False
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
        return True


def run_worker(
    ensure_app: Callable[[], Application],
    handlers: Handlers,
    name: str = "",
    tasks_per_child: int = TASKS_PER_CHILD,
) -> None:
    """Run a worker until SIGTERM or SIGINT.

    The first signal stops it after the current task, the second one immediately.

    Args:
        ensure_app: Returns the panel with the currently active modules.
        handlers: Job name → handler.
        name: Unique name; by default, host and process id.
        tasks_per_child: Number of tasks after which the child is replaced.
    """
    name = name or f"{socket.gethostname()}-{os.getpid()}"
    app = ensure_app()
    with app.app_context():
        warm()
    # Between connections, a signal raises StopRequested here.
    with contextlib.suppress(StopRequested):
        while True:
            try:
                if _work(name, ensure_app, handlers, tasks_per_child):
                    break
            except (queue.QueueError, ValueError) as error:
                log.warning("queue server unavailable", error=type(error).__name__)
                if isinstance(error, ValueError):
                    # RQ still lists a worker with this name from before the connection was lost.
                    name = f"{name.split('~')[0]}~{int(time.time())}"
            time.sleep(1)
    with app.app_context(), contextlib.suppress(Exception):
        heartbeat.leave(name)


def _work(
    name: str, ensure_app: Callable[[], Application], handlers: Handlers, tasks_per_child: int
) -> bool:
    """Run a worker on one connection; return whether it was asked to stop."""
    server = queue.connect(queue.server_url(), socket_connect_timeout=5)
    worker = PanelWorker(
        [queue.queue(queue_name, server) for queue_name in QUEUES],
        name=name,
        connection=server,
        serializer=JSONSerializer,
        ensure_app=ensure_app,
        handlers=handlers,
        tasks_per_child=tasks_per_child,
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


class _Undone(Exception):
    """Rolls a transaction back."""


def warm() -> None:
    """Compile the statements that each task uses, and freeze the heap to share it with children.

    A task is claimed and closed in a transaction that is rolled back.
    """
    turns.pick(QUEUES[0], longest_due=True)
    concurrency.defer_if_busy(-1, "-")
    with contextlib.suppress(_Undone), transaction():
        row = save(Task(job="", queue=QUEUES[0]))
        task = claim.claim(row.id, "warm")
        claim.renew(row.id, "warm")
        if task is not None:
            claim.close(task, Outcome("completed"), "warm", task.attempt)
        raise _Undone
    dispose_engines()
    gc.collect()
    gc.freeze()
