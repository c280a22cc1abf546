"""Run one attempt of a task in a worker's child process.

The parent has claimed the task. After the handler returns, one transaction closes the task and
settles its outcome.
"""

from __future__ import annotations

import structlog

from puqpanel.infra.db import release, transaction
from puqpanel.models import Task
from puqpanel.tasks import claim, fence, task_events
from puqpanel.tasks.outcome import Handlers, Outcome

log = structlog.get_logger(__name__)


def run(task_id: int, handlers: Handlers) -> None:
    """Run a task that RQ delivered.

    Never raises, because RQ would store the traceback in Redis. A task delivered twice runs once.

    Args:
        task_id: Primary key of the task.
        handlers: Job name → handler.
    """
    try:
        task = fence.take_over(task_id) or claim.claim(task_id, fence.owner())
        if task is None:
            return
        running = fence.RunningTask(task.id, task.attempt, fence.owner(), task.like_key)
        token = fence.current.set(running)
        try:
            outcome = _attempt(task, handlers)
            try:
                _finish(task, running, handlers, outcome)
            except fence.TimedOut:
                # The job was done and its outcome was being saved. The signal fires only once.
                _finish(task, running, handlers, outcome)
        finally:
            fence.current.reset(token)
    except fence.JobEnded as error:
        log.warning("task interrupted", task=task_id, reason=str(error))
    except Exception:
        # The row stays running until its lease expires, and then the sweeper recovers it.
        log.exception("task could not be settled", task=task_id)


def _attempt(task: Task, handlers: Handlers) -> Outcome:
    handler = handlers.get(task.job)
    if handler is None:
        return Outcome("failed", f"No handler for {task.job}.")
    try:
        return handler.run(task)
    except fence.TimedOut:
        return Outcome("timeout", f"Timed out after {task.timeout} seconds.")
    except fence.LeaseLost:
        raise
    except Exception as error:
        log.exception("handler failed", task=task.id)
        return Outcome("exception", f"Unexpected error ({type(error).__name__}).")


def _finish(task: Task, running: fence.RunningTask, handlers: Handlers, outcome: Outcome) -> None:
    release()
    with transaction():
        if not claim.close(task, outcome, running.owner, running.attempt):
            log.warning("task lease lost", task=running.task_id, owner=running.owner)
            return
        handler = handlers.get(task.job)
        if handler is not None:
            handler.settle(task, outcome)
        task_events.publish(task)
