"""Adding a task: the row first, in the caller's transaction; RQ hears of it after the commit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, make_transient

from puqpanel.domain.actors import SYSTEM, Actor
from puqpanel.domain.errors import UserError
from puqpanel.domain.task_states import OnLoss
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import Task, TaskTag
from puqpanel.tasks import fence, outbox


def add(
    *,
    job: str,
    queue: str = "Module",
    data: Mapping[str, Any] | None = None,
    tags: Iterable[str] = (),
    title: str = "",
    module: str = "",
    service_uuid: str = "",
    tries: int = 1,
    backoff: int = 10,
    timeout: int = 600,
    max_exceptions: int = 2,
    delay: int = 0,
    on_loss: str = OnLoss.LOSE,
    actor: Actor = SYSTEM,
    after: Task | None = None,
) -> Task:
    """Adds a task, or returns the like of it that is already waiting.

    Args:
        job: the handler's name, `ModuleJob`.
        queue: the queue's documented name, `Module`.
        data: JSON-able input of the job; stored encrypted.
        tags: words to find it by, at most 120 characters each.
        title: what a person reads in lists.
        module: key of the module that does it.
        service_uuid: the service it is about.
        tries: attempts before it has failed.
        backoff: seconds between attempts.
        timeout: seconds before an attempt is ended.
        max_exceptions: exceptions before it has failed, whatever tries remain.
        delay: seconds before the first attempt.
        on_loss: what to do when its worker vanishes (`domain.task_states.OnLoss`).
        actor: who asked.
        after: a task that must have ended first, however it ends.

    Returns:
        The row; its `is_duplicate` is True where the same job, queue, data and tags were waiting
        already.

    Raises:
        UserError: a number is out of range or the data is not JSON.
    """
    for name, value, low in (
        ("tries", tries, 1),
        ("backoff", backoff, 0),
        ("timeout", timeout, 1),
        ("max_exceptions", max_exceptions, 1),
        ("delay", delay, 0),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise UserError(
                f"A task's {name} must be a whole number of at least {low}, not {value!r}."
            )
    words = list(dict.fromkeys(str(tag)[:120] for tag in tags))
    body = dict(data or {})
    try:
        text = json.dumps([job, queue, body, sorted(words), module, service_uuid], sort_keys=True)
    except (TypeError, ValueError) as error:
        raise UserError(f"A task's data must be JSON: {error}.") from None
    like_key = hashlib.sha256(text.encode()).hexdigest()
    with transaction() as current:
        moment = now()
        held = fence.current.get()
        behind = (
            held.task_id
            if held is not None and held.like_key == like_key
            else after.id
            if after is not None
            else None
        )
        task = Task(
            job=job,
            queue=queue,
            data=body,
            title=title[:200] or job,
            module=module,
            service_uuid=service_uuid,
            tries=tries,
            backoff=backoff,
            timeout=timeout,
            max_exceptions=max_exceptions,
            on_loss=on_loss,
            like_key=like_key,
            waiting_key=like_key,
            after_id=behind,
            run_at=moment + timedelta(seconds=max(delay, backoff if behind else 0)),
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name,
            tags=[TaskTag(tag=word, position=place) for place, word in enumerate(words)],
        )
        if not delay and behind is None:
            task.dispatched_at = moment
        existing = _insert(current, task)
        if existing is not None:
            existing.__dict__["is_duplicate"] = True  # of this call, not of the row
            return existing
        if task.dispatched_at is not None:
            outbox.send_after_commit(task)
    return task


def _insert(current: Session, task: Task) -> Task | None:
    """Inserts the row, or counts up the like of it that waits.

    The unique key decides, so that two clicks at once make one row.
    """
    for _ in range(3):
        try:
            with current.begin_nested():
                current.add(task)
                current.flush()
        except sa.exc.IntegrityError:
            make_transient(task)
            found: Task | None = session().scalar(
                sa.select(Task).where(Task.waiting_key == task.waiting_key).with_for_update()
            )
            if found is not None:
                found.duplicates += 1
                return found
            for tag in task.tags:  # the other was claimed in between: this one is new work
                make_transient(tag)
        else:
            return None
    raise UserError("The task could not be added; try again.")
