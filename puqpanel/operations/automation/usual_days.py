"""How much automation did on earlier days and today, by which the brake judges a run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.domain import charging
from puqpanel.domain.brake import RunKind
from puqpanel.domain.dunning import StepKind
from puqpanel.infra.db import session
from puqpanel.models import PaymentAttempt, Step

HISTORY = timedelta(days=35)
"""A month and some days, so that the day on which all services are renewed is among them."""
STEPS = {
    RunKind.SERVICES: (StepKind.SUSPEND, StepKind.TERMINATE),
    RunKind.REMINDERS: (StepKind.REMINDER,),
}
Pair = tuple[str, str]
"""UUID of a service or document, and what is done about it."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was done.

    Args:
        before: on each earlier day, without days of none.
        today: today, without what staff approved.
    """

    before: Sequence[int]
    today: int


def counts(kind: RunKind, today: date, approved: Collection[Pair]) -> Counts:
    """Return how much automation did.

    Args:
        kind: of what.
        today: which day it is.
        approved: what staff approved within a day.
    """
    day: sa.SQLColumnExpression[Any]
    if kind == RunKind.CHARGES:
        day = sa.func.date(PaymentAttempt.created_at, type_=sa.Date())
        chosen = [
            PaymentAttempt.method_id.is_not(None),
            PaymentAttempt.created_at >= datetime.combine(today - HISTORY, time(), UTC),
        ]
        keys = {charging.key(uuid, int(number)) for uuid, number in approved}
        query = sa.select(PaymentAttempt.uuid).where(*chosen, day == today)
        done = [uuid not in keys for uuid in session().scalars(query)]
    else:
        day, what = Step.day, Step.period if kind == RunKind.REMINDERS else Step.step
        chosen = [Step.step.in_(STEPS[kind]), Step.day >= today - HISTORY]
        done = [
            (uuid, each) not in approved
            for uuid, each in session().execute(
                sa.select(Step.subject_uuid, what).where(*chosen, day == today)
            )
        ]
    before = sa.select(sa.func.count()).where(*chosen, day < today).group_by(day)
    return Counts(session().scalars(before).all(), sum(done))
