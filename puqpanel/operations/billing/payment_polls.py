"""Ask gateways about what is pending or unknown, at growing intervals, until it is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa

from puqpanel.domain.payment_states import AWAITED, AttemptStatus, PaymentStatus
from puqpanel.domain.task_states import OnLoss
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import ConfiguredModule, Payment, PaymentAttempt, Refund
from puqpanel.operations.billing.gateways import supports
from puqpanel.operations.modules import configured_modules
from puqpanel.tasks import add

JOB = "PaymentPollJob"
Polled = TypeVar("Polled", PaymentAttempt, Payment, Refund)
INTERVALS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
)
"""Time until the next request; the last one is repeated."""
MAX_AGE = timedelta(days=30)
"""How long after its start an attempt without an expiry is asked about."""
GRACE = timedelta(days=2)
"""How long after its expiry an attempt is asked about: a payment of the last minute may be late."""
CHUNK = 200


def first_poll(gateway: ConfiguredModule) -> datetime | None:
    """Return when a gateway is first asked; None if its module can't be asked."""
    return now() + INTERVALS[0] if supports(gateway, "observe_payment") else None


def request(row: PaymentAttempt | Payment) -> None:
    """Add the task that asks a gateway about an attempt or a payment; requires a transaction."""
    gateway = configured_modules.find_instance(row.gateway)
    kind = "attempt" if isinstance(row, PaymentAttempt) else "payment"
    add.add(
        job=JOB,
        queue="System",
        data={kind: row.uuid},
        title="Check a payment at its gateway",
        subject_type="gateway",
        subject_uuid=row.gateway,
        module=gateway.module,
        on_loss=OnLoss.REPEAT,
        tries=2,
        backoff=30,
    )


@transaction()
def schedule_due() -> int:
    """Add a task for each attempt and payment that is due, and expire old attempts.

    Returns:
        How many are asked about.
    """
    moment = now()
    attempts, payments, refunds = _due(PaymentAttempt), _due(Payment), _due(Refund)
    for attempt in attempts:
        if _is_over(attempt, moment):
            attempt.status, attempt.next_poll_at = AttemptStatus.EXPIRED, None
        request(attempt)
    for payment in payments:
        request(payment)
    for refund in refunds:
        request(refund.payment)
    return len(attempts) + len(payments) + len(refunds)


def _due(model: type[Polled]) -> list[Polled]:
    """Lock the rows of a table that are due, and set when they are due next."""
    moment = now()
    columns: Any = model
    query = (
        sa.select(model)
        .where(columns.next_poll_at <= moment)
        .order_by(columns.next_poll_at)
        .limit(CHUNK)
        .with_for_update(of=model, skip_locked=True)
    )
    rows = list(session().scalars(query))
    for row in rows:
        row.polls += 1
        row.next_poll_at = moment + INTERVALS[min(row.polls, len(INTERVALS) - 1)]
    return rows


def _is_over(attempt: PaymentAttempt, moment: datetime) -> bool:
    """Return whether an attempt is asked about for the last time."""
    if attempt.method_id is not None:
        return False  # the outcome of a charge stays unknown until it is known
    end = attempt.expires_at + GRACE if attempt.expires_at else attempt.created_at + MAX_AGE
    awaited = sa.select(Payment.id).where(
        Payment.attempt_id == attempt.id, Payment.status.in_(AWAITED)
    )
    return moment > end and session().scalar(awaited.limit(1)) is None


@transaction()
def mark_unknown(payment_uuid: str) -> None:
    """Record that the outcome of a pending payment is unknown, because its gateway can't tell."""
    query = sa.select(Payment).where(
        Payment.uuid == payment_uuid, Payment.status == PaymentStatus.PENDING
    )
    if (payment := session().scalar(query.with_for_update(of=Payment))) is not None:
        payment.status = PaymentStatus.UNKNOWN
        payment.reason = _("The gateway did not confirm the outcome.")
