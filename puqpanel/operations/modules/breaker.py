"""Circuit breaker: park the tasks of a module that fails repeatedly.

While it is open, one task at a time is let through as a trial. The breaker closes when a trial
completes, or when staff resume the module.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.task_states import TaskStatus
from puqpanel.domain.texts import Text, _, verbatim
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.infra.redact import redact_message
from puqpanel.models import Module, Task
from puqpanel.operations.system import audit
from puqpanel.tasks.outcome import Outcome

FAILURE_LIMIT = 5
"""Failures of a module's code, without a completed attempt in between, that open the breaker."""
WINDOW = timedelta(minutes=10)
"""Failures further apart than this do not add up."""
TRIAL_INTERVAL = timedelta(minutes=15)
"""Time from the last failure to the next trial, while the breaker is open."""
FAILURES = frozenset({"exception", "timeout", "lost"})


def _is(key: str) -> tuple[sa.ColumnElement[bool], ...]:
    module_type, _, name = key.partition("/")
    return Module.type == module_type, Module.name == name


def _lock(key: str, *conditions: sa.ColumnElement[bool]) -> Module | None:
    query = sa.select(Module).where(*_is(key), *conditions).with_for_update()
    return session().scalar(query.execution_options(populate_existing=True))


def record_outcome(task: Task, outcome: Outcome) -> None:
    """Record the outcome of an attempt at one of a module's tasks.

    Call it inside the transaction that closes the task. Only exceptions, timeouts and crashed jobs
    are failures; an error result is a completed attempt. An `ExternalServiceError` and the loss of
    a whole worker do not count against the module.

    Args:
        task: the task, as it was claimed.
        outcome: of the attempt.
    """
    if outcome.kind in FAILURES:
        if outcome.blame:
            record_failure(task.module, outcome.message)
    elif outcome.kind != "park" and outcome.blame:
        _record_completion(task)


def _record_completion(task: Task) -> None:
    """Reset the failure count, and close the breaker if the attempt was a trial."""
    row = _lock(task.module, Module.failure_count > 0)
    if row is None:
        return
    if row.circuit_opened_at is not None:
        if task.started_at is None or task.started_at < row.circuit_opened_at:
            return  # it began before the breaker opened, so it is not a trial
        audit.record(
            actor=AUTOMATION,
            action="module.resumed",
            subject_type="module",
            subject_uuid=task.module,
            summary=_("Circuit breaker closed for %(name)s: a task completed.", name=row.name),
            before={"failing": row.circuit_open_reason},
        )
    row.failure_count, row.circuit_opened_at = 0, None
    row.circuit_open_reason = verbatim("")


def allows_trial(task: Task) -> bool:
    """Return whether the open circuit breaker of a task's module lets the task through.

    It does if the last failure is long enough ago and no other task of the module is running.

    Args:
        task: the task, as it was claimed.
    """
    module = sa.select(Module.id).where(*_is(task.module), trial_is_due())
    others = sa.select(Task.id).where(
        Task.module == task.module, Task.status == TaskStatus.RUNNING, Task.id != task.id
    )
    return bool(session().scalar(module.where(~others.exists())))


def trial_is_due() -> sa.ColumnElement[bool]:
    """Return the SQL condition for modules whose open circuit breaker may let a task through."""
    return sa.and_(
        Module.circuit_open_reason != "",
        sa.or_(
            Module.last_failure_at <= now() - TRIAL_INTERVAL,
            Module.last_failure_at > now() + TRIAL_INTERVAL,  # the clock was ahead
        ),
    )


@transaction()
def record_failure(key: str, description: Text | str, weight: int = 1) -> bool:
    """Record one failure, and open the circuit breaker at the limit.

    Args:
        key: the module's key.
        description: one sentence.
        weight: how many failures it counts as.

    Returns:
        Whether it opened the breaker.
    """
    moment = now()
    row = _lock(key)
    if row is None:
        return False
    if row.circuit_open_reason:
        row.last_failure_at = moment
        return False
    recent = row.last_failure_at is not None and row.last_failure_at > moment - WINDOW
    row.failure_count = row.failure_count + weight if recent else weight
    row.last_failure_at = moment
    if row.failure_count < FAILURE_LIMIT:
        return False
    row.circuit_open_reason = redact_message(
        _("It failed repeatedly. Last failure: %(failure)s", failure=description)
    )
    row.circuit_opened_at = moment
    audit.record(
        actor=AUTOMATION,
        action="module.failing",
        subject_type="module",
        subject_uuid=key,
        summary=_(
            "Circuit breaker opened for %(name)s. %(circuit_open_reason)s",
            name=row.name,
            circuit_open_reason=row.circuit_open_reason,
        ),
    )
    raise_event("module.failing", {"module": key, "reason": row.circuit_open_reason})
    return True
