"""One attempt at one task, in the worker's child: run what the parent claimed, then close and
settle in one transaction.
"""

from __future__ import annotations

import structlog

from puqpanel.infra.db import release, transaction
from puqpanel.models import Task
from puqpanel.tasks import claim, fence, task_events
from puqpanel.tasks.outcome import Handlers, Outcome

log = structlog.get_logger(__name__)


def run(task_id: int, handlers: Handlers) -> None:
    """Runs a task that RQ delivered. Never raises: RQ would keep the traceback in its server.

    Args:
        task_id: the row; delivered twice, it runs once.
        handlers: job name → handler.
    """
    try:
        task = fence.take_over(task_id) or claim.claim(task_id, fence.owner())
        if task is None:
            return
        held = fence.Held(task.id, task.attempt, fence.owner(), task.like_key)
        token = fence.current.set(held)
        try:
            outcome = _attempt(task, handlers)
            try:
                _finish(task, held, handlers, outcome)
            except (
                fence.TimedOut
            ):  # while the result was written, when the job was done; the clock strikes once
                _finish(task, held, handlers, outcome)
        finally:
            fence.current.reset(token)
    except fence.JobEnded as end:
        log.warning("task ended from outside", task=task_id, reason=str(end))
    except Exception:
        # the row stays running and its lease runs out: the sweeper takes it up
        log.exception("task could not be settled", task=task_id)


def _attempt(task: Task, handlers: Handlers) -> Outcome:
    handler = handlers.get(task.job)
    if handler is None:
        return Outcome("failed", f"Nothing here knows how to do {task.job}.")
    try:
        return handler.run(task)
    except fence.TimedOut:
        return Outcome("timeout", f"It did not finish within {task.timeout} seconds.")
    except fence.LeaseLost:
        raise
    except Exception as error:
        log.exception("handler failed", task=task.id)
        return Outcome("exception", f"An unexpected error ended it ({type(error).__name__}).")


def _finish(task: Task, held: fence.Held, handlers: Handlers, outcome: Outcome) -> None:
    release()
    with transaction():
        if not claim.close(task, outcome, held.owner, held.attempt):
            log.warning("task was taken away while it ran", task=held.task_id, owner=held.owner)
            return
        handler = handlers.get(task.job)
        if handler is not None:
            handler.settle(task, outcome)
        task_events.tell(task)
