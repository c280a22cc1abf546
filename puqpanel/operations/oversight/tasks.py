"""Tasks: find, cancel, retry and prune them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from puqpanel.domain.errors import ConflictError, InProgressError
from puqpanel.domain.permissions import (
    GATEWAYS_MANAGE,
    PRODUCTS_MANAGE,
    SCHEDULE_MANAGE,
    SENDERS_MANAGE,
    SERVICES_PROVISION,
    SERVICES_TERMINATE,
    SERVICES_VIEW,
    TASKS_MANAGE,
)
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.task_states import ENDED, OPEN, RETRYABLE, TaskStatus
from puqpanel.domain.texts import _, named
from puqpanel.infra.clock import now
from puqpanel.infra.db import find, release, session, transaction, write
from puqpanel.models import ModuleLog, Task, TaskTag
from puqpanel.operations.provisioning import observations, settlement
from puqpanel.operations.system import audit
from puqpanel.tasks import control
from puqpanel.tasks.outcome import Outcome

_MAINTENANCE_JOBS = ("MaintenanceJob", observations.BATCH_JOB)
MAINTENANCE = Task.job.in_(_MAINTENANCE_JOBS)
"""Condition for the panel's own periodic work, of which there are several tasks a minute."""
_UNATTENDED = (
    Task.status == TaskStatus.COMPLETED,
    Task.actor_kind == PrincipalKind.AUTOMATION,
    TaskTag.tag == "schedule",
)
ROUTINE = sa.or_(
    MAINTENANCE,
    sa.and_(*_UNATTENDED[:2], sa.exists().where(TaskTag.task_id == Task.id, _UNATTENDED[2])),
)
"""Condition for periodic work that needs nobody: also completed scheduled runs of modules."""
ROUTINE_PARTS = (
    *(sa.select(Task.id).where(Task.job == job) for job in _MAINTENANCE_JOBS),
    sa.select(TaskTag.task_id)
    .join(Task, Task.id == TaskTag.task_id)
    .where(~MAINTENANCE, *_UNATTENDED),
)
"""The same tasks by id, each part in the order of an index."""
MAINTENANCE_AGE = timedelta(hours=1)
RECURRING_DAYS = 3
"""Days to keep completed scheduled runs and listeners, of which there are many."""
BATCH = 1000
_BY_SUBJECT = {
    "product": (PRODUCTS_MANAGE,),
    "gateway": (GATEWAYS_MANAGE,),
    "sender": (SENDERS_MANAGE,),
    observations.SUBJECT: (SERVICES_PROVISION,),
}
"""The permissions to retry a task about an object other than a service."""


def prune(days: int) -> int:
    """Delete one batch of old completed and cancelled tasks, and of the panel's own runs.

    Args:
        days: age at which they are deleted; 0 keeps everything but the panel's own runs.

    Returns:
        The number of deleted tasks.
    """
    moment = now()
    own = (MAINTENANCE, Task.status.in_(sorted(ENDED)), Task.ended_at < moment - MAINTENANCE_AGE)
    old = list(session().scalars(sa.select(Task.id).where(*own).limit(BATCH)))
    if days:
        old += _expired(moment, days)
    release()
    if old:
        write(sa.delete(Task).where(Task.id.in_(old)))
    return len(set(old))


def _expired(moment: datetime, days: int) -> list[int]:
    before = moment - timedelta(days=days)
    recurring_before = moment - timedelta(days=min(days, RECURRING_DAYS))
    recurring = (Task.status == TaskStatus.COMPLETED, Task.ended_at < recurring_before)
    old: list[int] = []
    # one query for each index
    for query in (
        sa.select(Task.id).where(Task.status == TaskStatus.COMPLETED, Task.ended_at < before),
        sa.select(Task.id).where(Task.status == TaskStatus.CANCELLED, Task.ended_at < before),
        sa.select(Task.id).where(Task.job == "HookJob", *recurring),
        sa.select(Task.id)
        .join(TaskTag, TaskTag.task_id == Task.id)
        .where(TaskTag.tag == "schedule", *recurring),
    ):
        old += session().scalars(query.limit(BATCH)).all()
    return old


def find_task(uuid: str) -> Task:
    """Return one task with its attempts.

    Raises:
        NotFoundError: it does not exist.
    """
    query = sa.select(Task).where(Task.uuid == uuid)
    return find(query.options(selectinload(Task.attempts)), _("Task not found."))


def log_of(task: Task, limit: int = 200) -> Sequence[ModuleLog]:
    """Return the module log entries of a task's attempts, oldest first."""
    return (
        session()
        .scalars(
            sa.select(ModuleLog)
            .where(ModuleLog.task_id == task.id)
            .order_by(ModuleLog.id)
            .limit(limit)
        )
        .all()
    )


def tasks_about(subject_type: str, subject_uuid: str, limit: int = 10) -> Sequence[Task]:
    """Return the newest tasks about an object, newest first."""
    query = sa.select(Task).where(Task.about(subject_type, subject_uuid))
    return session().scalars(query.order_by(Task.id.desc()).limit(limit)).all()


@transaction()
def cancel_task(*, actor: Principal, uuid: str) -> Task:
    """Cancel a queued or parked task and restore its service's state.

    Raises:
        ConflictError: it is running or has ended.
    """
    actor.require(TASKS_MANAGE)
    task = control.cancel(uuid, by=actor.name)
    audit.record(
        actor=actor,
        action="task.cancelled",
        subject_type="task",
        subject_uuid=uuid,
        summary=_("%(title)s cancelled.", title=named(task.title)),
        task_id=task.id,
    )
    if task.service_uuid:
        settlement.record(task, Outcome("cancelled", task.note))
    return task


def retry_permissions(task: Task) -> tuple[str, ...]:
    """Return the permissions for what a retry of a task repeats; all are required.

    A job that runs no verb may belong to any verb of its service, so it takes the permissions of
    all of them.
    """
    if task.service_uuid:
        verb = settlement.own_verb(task)
        return (verb.permission,) if verb else (SERVICES_PROVISION, SERVICES_TERMINATE)
    if "entry" in task.data:
        return (SCHEDULE_MANAGE,)
    return _BY_SUBJECT.get(task.subject_type, ())


def retry_task(*, actor: Principal, uuid: str) -> Task:
    """Retry an ended or parked task; its service is in progress again.

    Raises:
        ConflictError: it is queued, running or completed, or another operation of the service is in
            progress.
        PermissionDenied: the actor may not manage tasks, or not do what the task does.
    """
    actor.require(TASKS_MANAGE)
    return _retry(actor, uuid)


@transaction()
def _retry(actor: Principal, uuid: str) -> Task:
    for permission in retry_permissions(find_task(uuid)):
        actor.require(permission)
    task = control.retry(uuid, by=actor.name)
    if task.service_uuid:
        settlement.reopen(task)
    audit.record(
        actor=actor,
        action="task.retried",
        subject_type="task",
        subject_uuid=uuid,
        summary=_("%(title)s retried.", title=named(task.title)),
        task_id=task.id,
    )
    return task


def retry_last_task(*, actor: Principal, service_uuid: str) -> Task:
    """Retry the last task of a service.

    Raises:
        InProgressError: it is running, or completed in the meantime (a double click).
        ConflictError: the service has no task, or another operation is in progress.
        PermissionDenied: the actor may not do what the task does.
    """
    actor.require(SERVICES_VIEW)
    last = next(iter(tasks_about("service", service_uuid, limit=1)), None)
    release()
    if last is None:
        raise ConflictError(_("No failed task to retry."))
    if last.status in OPEN:
        raise InProgressError(_("Already in progress."))
    if last.status not in RETRYABLE:
        raise InProgressError(_("The last task completed, so there is nothing to retry."))
    return _retry(actor, last.uuid)
