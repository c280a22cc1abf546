"""Recovery: re-enqueue due tasks missing from the queue, and rescue tasks of dead workers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import aliased

from puqpanel.domain.task_states import ENDED, NOT_STARTED, TaskStatus
from puqpanel.domain.texts import _
from puqpanel.infra import queue
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction, write
from puqpanel.models import Task
from puqpanel.tasks import outbox, turns
from puqpanel.tasks.fence import LEASE_SECONDS
from puqpanel.tasks.outcome import Handlers, Outcome
from puqpanel.tasks.settle import settle

MARK_SENT = (
    sa.update(turns.TASKS)
    .where(turns.TASKS.c.id == sa.bindparam("task_id"), turns.TASKS.c.status.in_(NOT_STARTED))
    .values(
        turn=sa.bindparam("given"),
        dispatched_at=sa.bindparam("moment", type_=turns.TASKS.c.dispatched_at.type),
    )
)
log = structlog.get_logger(__name__)
SEND_GRACE_SECONDS = 15
"""Time after sending an id before it may count as lost."""
BATCH_SIZE = 1000
MARKED_AT_ONCE = 100
"""Maximum number of tasks marked as sent in a transaction, which blocks writers on SQLite."""
CLOCK_MARGIN = timedelta(minutes=1)
"""Difference between the clocks of two hosts that is normal."""
LONGEST_WAIT = timedelta(days=1)
"""Longest time until the next attempt of a task with a shorter backoff, also if a provider asks."""


def rescue(handlers: Handlers, task_id: int | None = None, owner: str | None = None) -> int:
    """Close running tasks whose owner is dead, and retry those that can run again.

    Args:
        handlers: Job name → handler.
        task_id: Rescue only this task, even if its lease has not expired.
        owner: The dead owner of `task_id`.

    Returns:
        The number of tasks that were rescued.
    """
    query = (
        sa.select(Task)
        .where(Task.status == TaskStatus.RUNNING)
        .limit(BATCH_SIZE)
        .execution_options(populate_existing=True)
    )
    if task_id is None:
        query = query.where(Task.lease_until < now())
    else:
        query = query.where(Task.id == task_id, Task.owner == owner)
    tasks = session().scalars(query).all()
    release()
    count = 0
    for task in tasks:
        try:
            count += _rescue_one(handlers, task, expired=task_id is None)
        except Exception:
            log.exception("task could not be rescued", task=task.id)
    return count


@transaction()
def _rescue_one(handlers: Handlers, task: Task, *, expired: bool) -> bool:
    outcome = Outcome(
        "lost", _("The worker stopped unexpectedly while running the job."), blame=not expired
    )
    owner = task.owner or ""
    if not settle(task, outcome, handlers, owner, expired=expired):
        return False
    log.warning("task rescued", task=task.id, status=task.status, owner=owner)
    if task.status == TaskStatus.RETRYING and task.run_at <= now():
        turns.mark_sent(task, now())
        outbox.send_after_commit(task)
    return True


def send_due() -> int:
    """Enqueue the ids of due tasks that were not sent, and replace ids that a queue has lost.

    Returns:
        The number of ids that were sent.
    """
    moment = now()
    _release_orphans()
    _pull_back()
    turns.clear_leftovers()
    return _send_unsent(moment) + _send_missing(moment)


def _send_unsent(moment: datetime) -> int:
    never = sa.or_(
        Task.dispatched_at.is_(None),
        Task.turn.is_(None),  # sent by older code
        Task.dispatched_at > moment + CLOCK_MARGIN,
    )
    due = (
        session()
        .execute(
            sa.select(Task.id, Task.queue, Task.timeout)
            .where(*turns.ready(moment), never)
            .order_by(Task.run_at)
            .limit(BATCH_SIZE)
        )
        .all()
    )
    release()
    for start in range(0, len(due), MARKED_AT_ONCE):
        _mark_sent([row.id for row in due[start : start + MARKED_AT_ONCE]], moment)
    return sum(outbox.send(row.id, row.queue, row.timeout) for row in due)


@transaction()
def _mark_sent(task_ids: Sequence[int], moment: datetime) -> None:
    """Store that tasks were sent, and give each its turn."""
    rows = session().execute(
        sa.select(Task.id, Task.queue, Task.flow, Task.module)
        .where(Task.id.in_(task_ids), Task.status.in_(NOT_STARTED))
        .order_by(Task.run_at, Task.id)
    )
    for row in rows.all():
        turn = turns.next_turn(row.queue, row.flow, row.module)
        session().execute(MARK_SENT, {"task_id": row.id, "given": turn, "moment": moment})


def _send_missing(moment: datetime) -> int:
    """Send ids until a queue has one for each waiting task.

    The queue server may have lost ids. Which tasks they name does not matter, see `tasks.turns`.
    Ids that were sent recently are not replaced: they may still be on their way.
    """
    late = Task.dispatched_at < moment - timedelta(seconds=SEND_GRACE_SECONDS)
    waits = (*turns.ready(moment), Task.dispatched_at.is_not(None))
    if session().scalar(sa.select(Task.id).where(*waits, late).limit(1)) is None:
        release()
        return 0
    late_tasks = sa.func.sum(sa.case((late, 1), else_=0))
    counts = sa.select(Task.queue, sa.func.count(), late_tasks).where(*waits).group_by(Task.queue)
    waiting = session().execute(counts).all()
    release()
    try:
        ids = queue.lengths()
    except queue.QueueError:
        return 0
    sent = 0
    for name, all_tasks, late_ones in waiting:
        missing = min(all_tasks - ids.get(name, 0), int(late_ones), BATCH_SIZE)
        if missing > 0:
            rows = sa.select(Task.id, Task.timeout).where(*waits, late, Task.queue == name)
            found = session().execute(rows.order_by(Task.turn).limit(missing)).all()
            release()
            sent += sum(outbox.send(row.id, name, row.timeout) for row in found)
    return sent


def _pull_back() -> None:
    """Bound times that were stored while the clock was ahead: leases and next attempts."""
    moment = now()
    lease = timedelta(seconds=LEASE_SECONDS)
    far = (Task.status == TaskStatus.RUNNING, Task.lease_until > moment + lease + CLOCK_MARGIN)
    if session().scalar(sa.select(Task.id).where(*far).limit(1)):
        # its worker renews the lease if it is alive
        write(sa.update(Task).where(*far).values(lease_until=moment + lease))
    query = sa.select(Task.id, Task.run_at, Task.backoff).where(
        Task.status.in_((TaskStatus.RETRYING, TaskStatus.WAITING)),
        Task.run_at > moment + LONGEST_WAIT + CLOCK_MARGIN,
    )
    rows = session().execute(query.limit(BATCH_SIZE)).all()
    release()
    late = [row.id for row in rows if row.run_at > moment + timedelta(seconds=row.backoff)]
    if late:
        log.warning("tasks were to be retried too late", tasks=len(late))
        write(sa.update(Task).where(Task.id.in_(late)).values(run_at=moment))


def _release_orphans() -> None:
    """Release tasks that run after a task that has ended or was deleted.

    Closing a task does this too; this is the fallback.
    """
    predecessor = aliased(Task)
    orphan_ids = (
        session()
        .scalars(
            sa.select(Task.id)
            .outerjoin(predecessor, predecessor.id == Task.after_id)
            .where(
                Task.after_id.is_not(None),
                sa.or_(predecessor.id.is_(None), predecessor.status.in_(ENDED)),
            )
            .limit(BATCH_SIZE)
        )
        .all()
    )
    if orphan_ids:
        write(sa.update(Task).where(Task.id.in_(orphan_ids)).values(after_id=None))
