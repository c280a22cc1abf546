"""Add a task: insert a row in the caller's transaction; send its id to RQ after the commit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import make_transient

from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.task_states import QUEUES, OnLoss
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, save, session, transaction
from puqpanel.models import Task, TaskTag
from puqpanel.models.actors import actor_columns
from puqpanel.tasks import fence, outbox, turns


@retry_deadlocks
@transaction()
def add(
    *,
    job: str,
    queue: str = "Module",
    data: Mapping[str, Any] | None = None,
    tags: Iterable[str] = (),
    title: str = "",
    module: str = "",
    subject_type: str = "",
    subject_uuid: str = "",
    tries: int = 1,
    backoff: int = 10,
    timeout: int = 600,
    max_exceptions: int = 2,
    delay: int = 0,
    on_loss: str = OnLoss.LOSE,
    actor: Principal = AUTOMATION,
    after: Task | None = None,
) -> Task:
    """Add a task, or return the identical task that is already queued.

    Args:
        job: Name of the handler, such as `ModuleJob`.
        queue: Documented name of the queue; unknown names are replaced by `Module`.
        data: Input of the job as JSON-serializable values; stored encrypted.
        tags: Search terms of at most 120 characters each.
        title: Display name.
        module: Key of the module that runs it.
        subject_type: Kind of the object it is about; by default the module.
        subject_uuid: UUID of the object, or the key of the module.
        tries: Maximum number of attempts.
        backoff: Seconds between attempts.
        timeout: Maximum seconds of an attempt.
        max_exceptions: Number of exceptions after which it fails, even if attempts remain.
        delay: Seconds before the first attempt.
        on_loss: What to do if its worker dies (`domain.task_states.OnLoss`).
        actor: Who requested it.
        after: A task that must end first, with any status.

    Returns:
        The row. Its `is_duplicate` is True if a task with the same job, queue, data, tags, module
        and subject was already queued.

    Raises:
        UserError: A number is out of range, or the data is not JSON-serializable.
    """
    _check_numbers(
        tries=tries, backoff=backoff, timeout=timeout, max_exceptions=max_exceptions, delay=delay
    )
    if module and not subject_uuid:
        subject_type, subject_uuid = "module", module
    queue = queue if queue in QUEUES else QUEUES[0]
    unique_tags = list(dict.fromkeys(str(tag)[:120] for tag in tags))
    body = dict(data or {})
    try:
        identity = json.dumps(
            [job, queue, body, sorted(unique_tags), module, subject_type, subject_uuid],
            sort_keys=True,
        )
    except (TypeError, ValueError) as error:
        raise UserError(
            _("A task's data must be JSON-serializable: %(error)s.", error=error)
        ) from None
    like_key = hashlib.sha256(identity.encode()).hexdigest()
    moment = now()
    running = fence.current.get()
    after_id = after.id if after is not None else None
    if running is not None and running.like_key == like_key:
        after_id = running.task_id  # a job that adds itself again runs after itself
    task = Task(
        job=job,
        queue=queue,
        data=body,
        title=title[:200] or job,
        module=module,
        subject_type=subject_type,
        subject_uuid=subject_uuid,
        tries=tries,
        backoff=backoff,
        timeout=timeout,
        max_exceptions=max_exceptions,
        on_loss=on_loss,
        like_key=like_key,
        waiting_key=like_key,
        after_id=after_id,
        run_at=moment + timedelta(seconds=max(delay, backoff if after_id else 0)),
        flow=turns.flow(subject_type, subject_uuid, module),
        **actor_columns(actor),
        tags=[TaskTag(tag=tag, position=position) for position, tag in enumerate(unique_tags)],
    )
    if not delay and after_id is None:
        turns.mark_sent(task, moment)
    existing = _insert(task)
    if existing is not None:
        existing.__dict__["is_duplicate"] = True  # describes this call, not the row
        return existing
    if task.dispatched_at is not None:
        outbox.send_after_commit(task)
    return task


def _check_numbers(**values: int) -> None:
    for name, value in values.items():
        minimum = 1 if name in ("tries", "timeout", "max_exceptions") else 0
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            raise UserError(
                _(
                    "A task's %(name)s must be a whole number of at least %(minimum)s, not "
                    "%(value)s.",
                    name=name,
                    minimum=minimum,
                    value=repr(value),
                )
            )


def _insert(task: Task) -> Task | None:
    """Insert the row, or increment the duplicate count of the identical queued task and return it.

    The unique key decides, so that two simultaneous clicks create one row.
    """
    for _attempt in range(3):
        try:
            with session().begin_nested():
                save(task)
        except sa.exc.IntegrityError:
            make_transient(task)
            existing: Task | None = session().scalar(
                sa.select(Task).where(Task.waiting_key == task.waiting_key).with_for_update()
            )
            if existing is not None:
                existing.duplicates += 1
                return existing
            for tag in task.tags:  # the other task was claimed meanwhile, so this one is new
                make_transient(tag)
        else:
            return None
    raise UserError(_("The task could not be added; try again."))
