"""What makes the row the truth: sends again what RQ forgot, and takes up what a vanished worker
left.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import aliased

from puqpanel.domain.task_states import ENDED, WAITING, TaskStatus
from puqpanel.infra import queue
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.models import Task
from puqpanel.tasks import claim, outbox, task_events
from puqpanel.tasks.outcome import Handlers, Outcome

log = structlog.get_logger(__name__)
GRACE = 15
"""Seconds that a sent id may be on its way before its queue is searched for it."""
BATCH = 1000


def sweep(handlers: Handlers) -> int:
    """One round over the table.

    Args:
        handlers: job name → handler, to settle what is lost.

    Returns:
        How many tasks were rescued or sent.
    """
    return rescue(handlers) + send_due()


def rescue(handlers: Handlers, task_id: int | None = None, owner: str | None = None) -> int:
    """Takes up running tasks whose holder is gone.

    Args:
        handlers: as for `sweep`.
        task_id: only this one, whatever its lease says: its holder is known to be dead.
        owner: the dead holder.

    Returns:
        How many were taken up.
    """
    which = (
        sa.select(Task)
        .where(Task.status == TaskStatus.RUNNING)
        .limit(BATCH)
        .execution_options(populate_existing=True)
    )
    which = (
        which.where(Task.lease_until < now())
        if task_id is None
        else which.where(Task.id == task_id, Task.owner == owner)
    )
    tasks = session().scalars(which).all()
    release()
    count = 0
    for task in tasks:
        try:
            count += _rescue_one(handlers, task, expired=task_id is None)
        except Exception:
            log.exception("rescue failed", task=task.id)
    return count


def _rescue_one(handlers: Handlers, task: Task, *, expired: bool) -> bool:
    outcome = Outcome(
        "lost", "The worker that held it vanished in the middle of the job.", blame=not expired
    )
    owner = task.owner or ""
    with transaction():
        if not claim.close(task, outcome, owner, task.attempt, expired=expired):
            return False
        log.warning("task rescued", task=task.id, status=task.status, owner=owner)
        handler = handlers.get(task.job)
        if handler is not None:
            handler.settle(task, outcome)
        task_events.tell(task)
        if task.status == TaskStatus.RETRYING and task.run_at <= now():
            task.dispatched_at = now()
            outbox.send_after_commit(task)
    return True


def send_due() -> int:
    """Sends what is due and either never was sent or stands in no queue any more.

    Returns:
        How many ids were sent.
    """
    moment = now()
    _release_orphans()
    due = (
        session()
        .execute(
            sa.select(Task.id, Task.queue, Task.timeout, Task.dispatched_at)
            .where(
                Task.status.in_(WAITING),
                Task.run_at <= moment,
                Task.after_id.is_(None),
                sa.or_(
                    Task.dispatched_at.is_(None),
                    Task.dispatched_at < moment - timedelta(seconds=GRACE),
                ),
            )
            .order_by(Task.run_at)
            .limit(BATCH)
        )
        .all()
    )
    release()
    if not due:
        return 0
    try:
        there = queue.waiting_ids() if any(row.dispatched_at for row in due) else set()
    except queue.QueueError:
        return 0
    send = [row for row in due if row.id not in there]
    with transaction() as current:
        # what was found in its queue counts as sent anew, so that the next round looks at others
        # and a long queue is not read every second
        current.execute(
            sa.update(Task)
            .where(Task.id.in_([row.id for row in due]), Task.status.in_(WAITING))
            .values(dispatched_at=moment)
            .execution_options(synchronize_session=False)
        )
    return sum(outbox.send(row.id, row.queue, row.timeout) for row in send)


def _release_orphans() -> None:
    """Frees those that wait for a task which has ended or is no more; closing does this too, in
    its own transaction.
    """
    before = aliased(Task)
    stuck = (
        session()
        .scalars(
            sa.select(Task.id)
            .outerjoin(before, before.id == Task.after_id)
            .where(
                Task.after_id.is_not(None), sa.or_(before.id.is_(None), before.status.in_(ENDED))
            )
            .limit(BATCH)
        )
        .all()
    )
    if stuck:
        with transaction() as current:
            current.execute(
                sa.update(Task)
                .where(Task.id.in_(stuck))
                .values(after_id=None)
                .execution_options(synchronize_session=False)
            )
