"""Run one attempt of a task in a worker's child process.

The parent has claimed the task. After the handler returns, one transaction closes the task and
settles its outcome.
"""

from __future__ import annotations

import structlog

from puqpanel.domain.texts import _, _n
from puqpanel.infra.db import transaction
from puqpanel.models import Task
from puqpanel.tasks import claim, fence
from puqpanel.tasks.outcome import Handlers, Outcome
from puqpanel.tasks.settle import settle

log = structlog.get_logger(__name__)
NORMAL = frozenset({"completed", "again", "wait", "park"})
"""Outcomes after which the process can run another task."""


def run(task_id: int, handlers: Handlers) -> bool:
    """Run the task that the parent claimed for this process; if it did not, claim it first.

    Never raises, whatever the job does. A task delivered twice runs once.

    Args:
        task_id: Primary key of the task.
        handlers: Job name → handler.

    Returns:
        Whether the attempt ended normally, so that this process can run another task.
    """
    try:
        task = fence.take_over(task_id) or claim.claim(task_id, fence.owner())
        if task is None:
            return True
        owner = fence.owner()
        token = fence.current.set(fence.RunningTask(task.id, task.attempt, owner, task.like_key))
        try:
            outcome = _attempt(task, handlers)
            try:
                settled = _finish(task, outcome, handlers, owner)
            except fence.TimedOut:
                # The job was done and its outcome was being saved. The signal fires only once.
                _finish(task, outcome, handlers, owner)
                return False
            return settled and outcome.kind in NORMAL
        finally:
            fence.current.reset(token)
    except fence.JobEnded as error:
        log.warning("task interrupted", task=task_id, reason=str(error))
    except Exception:
        # The row stays running until its lease expires, and then the sweeper recovers it.
        log.exception("task could not be settled", task=task_id)
    return False


def _attempt(task: Task, handlers: Handlers) -> Outcome:
    handler = handlers.get(task.job)
    if handler is None:
        return Outcome("failed", _("%(job)s has no handler.", job=task.job))
    try:
        return handler.run(task)
    except fence.TimedOut:
        return Outcome(
            "timeout",
            _n("Timed out after %(num)s second.", "Timed out after %(num)s seconds.", task.timeout),
        )
    except Exception as error:
        log.exception("handler failed", task=task.id)
        return Outcome("exception", _("Unexpected error (%(kind)s).", kind=type(error).__name__))


def _finish(task: Task, outcome: Outcome, handlers: Handlers, owner: str) -> bool:
    with transaction():
        settled = settle(task, outcome, handlers, owner)
    if not settled:
        log.warning("task lease lost", task=task.id, owner=owner)
    return settled
