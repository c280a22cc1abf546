"""Actions of staff on tasks: cancel, complete and retry."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InProgressError
from puqpanel.domain.task_states import CANCELLABLE, LABELS, OPEN, RETRYABLE, OnLoss, TaskStatus
from puqpanel.domain.texts import Text, _
from puqpanel.infra.clock import now
from puqpanel.infra.db import find, session, transaction
from puqpanel.models import Task
from puqpanel.tasks import claim, outbox, turns


def _locked(task_uuid: str) -> Task:
    query = sa.select(Task).where(Task.uuid == task_uuid).with_for_update()
    return find(query.execution_options(populate_existing=True), _("Task not found."))


@transaction()
def cancel(task_uuid: str, *, by: str) -> Task:
    """Cancel a queued, retrying, waiting or parked task.

    Args:
        task_uuid: UUID of the task.
        by: Name for the note.

    Raises:
        ConflictError: It is running or has ended.
    """
    task = _locked(task_uuid)
    if task.status not in CANCELLABLE:
        raise ConflictError(
            _(
                "A task with the status “%(status)s” can't be cancelled.",
                status=LABELS[TaskStatus(task.status)],
            )
        )
    return _end(task, TaskStatus.CANCELLED, _("Cancelled by %(by)s.", by=by))


@transaction()
def complete(task_uuid: str, *, by: str) -> Task:
    """Complete a parked task, because staff did what it is about.

    Args:
        task_uuid: UUID of the task.
        by: Name for the note.

    Raises:
        ConflictError: It is not parked.
    """
    task = _locked(task_uuid)
    if task.status != TaskStatus.PARKED:
        raise ConflictError(
            _(
                "A task with the status “%(status)s” can't be marked as done.",
                status=LABELS[TaskStatus(task.status)],
            )
        )
    return _end(task, TaskStatus.COMPLETED, _("Marked as done by %(by)s.", by=by))


def _end(task: Task, status: TaskStatus, note: Text) -> Task:
    task.status, task.note, task.ended_at = status, note, now()
    task.waiting_key = task.dispatched_at = task.turn = None
    claim.release_followers(task.id)
    return task


@transaction()
def retry(task_uuid: str, *, by: str) -> Task:
    """Queue an ended or parked task again, with one more attempt.

    Args:
        task_uuid: UUID of the task.
        by: Name for the note.

    Raises:
        ConflictError: It is open or completed, or an identical task is queued.
    """
    task = _locked(task_uuid)
    if task.status in OPEN and task.status not in RETRYABLE:
        raise InProgressError(_("Already in progress."))
    if task.status not in RETRYABLE:
        raise ConflictError(
            _(
                "A task with the status “%(status)s” can't be retried.",
                status=LABELS[TaskStatus(task.status)],
            )
        )
    # A job that can observe the provider must look at what the lost attempt did.
    task.in_doubt = task.in_doubt or (
        task.status == TaskStatus.LOST and task.on_loss == OnLoss.OBSERVE
    )
    task.status, task.note = TaskStatus.QUEUED, _("Retried by %(by)s.", by=by)
    task.tries, task.exceptions, task.rescues = max(task.tries, task.attempt + 1), 0, 0
    task.waited, task.run_at = 0, now()
    turns.mark_sent(task, task.run_at)
    task.ended_at, task.waiting_key = None, task.like_key
    try:
        session().flush()
    except sa.exc.IntegrityError:
        raise ConflictError(_("An identical task is already queued.")) from None
    outbox.send_after_commit(task)
    return task
