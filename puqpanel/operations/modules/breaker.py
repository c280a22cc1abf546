"""Circuit breaker: park the tasks of a module that fails repeatedly.

While it is open, one task at a time is let through as a trial. The breaker closes when a trial
completes, or when staff resume the module.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain.actors import SYSTEM
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction, write
from puqpanel.infra.events import raise_event
from puqpanel.models import Module, Task
from puqpanel.operations.system import audit
from puqpanel.tasks.outcome import Outcome

FAILURE_LIMIT = 5
"""Failures of a module's code, without a completed attempt in between, that open the breaker."""
WINDOW = timedelta(minutes=10)
"""Failures further apart than this do not add up."""
TRIAL_INTERVAL = timedelta(minutes=15)
"""Time from the opening of the breaker to the first trial, and from one trial to the next."""
FAILURES = frozenset({"exception", "timeout", "lost"})


def _is(key: str) -> tuple[sa.ColumnElement[bool], ...]:
    module_type, _, name = key.partition("/")
    return Module.type == module_type, Module.name == name


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
    elif outcome.kind != "park":
        _record_completion(task)


def _record_completion(task: Task) -> None:
    """Reset the failure count, and close the breaker if the attempt was its trial."""
    row = session().scalar(
        sa.select(Module)
        .where(*_is(task.module), Module.failure_count > 0)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        return
    if row.circuit_opened_at is not None:
        if task.started_at is None or task.started_at < row.circuit_opened_at:
            return  # it began before the breaker opened, so it is not the trial
        audit.record(
            actor=SYSTEM,
            action="module.let_go_on",
            subject_type="module",
            subject_uuid=task.module,
            summary=f"Circuit breaker closed for {row.name}: a task completed.",
            before={"failing": row.circuit_open_reason},
        )
    row.failure_count, row.circuit_open_reason, row.circuit_opened_at = 0, "", None


def begin_trial(task: Task) -> bool:
    """Let a task through the open circuit breaker of its module, if a trial is due.

    Args:
        task: the task, as it was claimed.

    Returns:
        Whether the task is the trial; False if the last trial is too recent.
    """
    # one statement, so that of several workers only one begins the trial
    trial = sa.update(Module).where(*_is(task.module), trial_is_due())
    return write(trial.values(circuit_opened_at=task.started_at)) == 1


def trial_is_due() -> sa.ColumnElement[bool]:
    """Return the SQL condition for modules whose circuit breaker lets a trial through now."""
    return Module.circuit_opened_at <= now() - TRIAL_INTERVAL


@transaction()
def record_failure(key: str, description: str, weight: int = 1) -> bool:
    """Record one failure, and open the circuit breaker at the limit.

    Args:
        key: the module's key.
        description: one sentence.
        weight: how many failures it counts as.

    Returns:
        Whether it opened the breaker.
    """
    moment = now()
    row = session().scalar(
        sa.select(Module)
        .where(*_is(key))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None or row.circuit_open_reason:
        return False
    recent = row.last_failure_at is not None and row.last_failure_at > moment - WINDOW
    row.failure_count = row.failure_count + weight if recent else weight
    row.last_failure_at = moment
    if row.failure_count < FAILURE_LIMIT:
        return False
    row.circuit_open_reason, row.circuit_opened_at = (
        f"It failed repeatedly. Last failure: {description}"[:4000],
        moment,
    )
    audit.record(
        actor=SYSTEM,
        action="module.failing",
        subject_type="module",
        subject_uuid=key,
        summary=f"Circuit breaker opened for {row.name}. {row.circuit_open_reason}",
    )
    raise_event("module.failing", {"module": key, "reason": row.circuit_open_reason})
    return True
