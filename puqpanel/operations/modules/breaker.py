"""Circuit breaker: park the tasks of a module that fails repeatedly until staff resume it."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain.actors import SYSTEM
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction, write
from puqpanel.infra.events import raise_event
from puqpanel.models import Module
from puqpanel.operations.system import audit
from puqpanel.tasks.outcome import Outcome

FAILURE_LIMIT = 5
"""Failures of a module's code, without a completed attempt in between, that open the breaker."""
WINDOW = timedelta(minutes=10)
"""Failures further apart than this do not add up."""
FAILURES = frozenset({"exception", "timeout", "lost"})


def _is(key: str) -> tuple[sa.ColumnElement[bool], ...]:
    module_type, _, name = key.partition("/")
    return Module.type == module_type, Module.name == name


def record_outcome(key: str, outcome: Outcome) -> None:
    """Record the outcome of an attempt at one of a module's tasks.

    Call it inside the transaction that closes the task. Only exceptions, timeouts and crashed jobs
    are failures; an error result is a completed attempt. An `ExternalServiceError` and the loss of
    a whole worker do not count against the module.
    """
    if outcome.kind in FAILURES:
        if outcome.blame:
            record_failure(key, outcome.message)
    elif outcome.kind != "park":
        write(sa.update(Module).where(*_is(key), Module.failure_count > 0).values(failure_count=0))


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
