"""Payments of documents that may still succeed: nothing is charged again or suspended meanwhile."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from puqpanel.domain.payment_states import AWAITED, AttemptStatus, PaymentStatus
from puqpanel.infra.db import session
from puqpanel.models import AttemptDocument, Payment, PaymentAttempt


def documents_awaiting_payment(document_ids: Collection[int]) -> set[int]:
    """Return the documents whose payment is pending, unknown or parked, or charged without outcome.

    Args:
        document_ids: of the documents in question.
    """
    if not document_ids:
        return set()
    payment = sa.exists().where(
        Payment.attempt_id == PaymentAttempt.id,
        Payment.status.in_((*AWAITED, PaymentStatus.PARKED)),
    )
    requested = sa.and_(
        PaymentAttempt.status == AttemptStatus.OPEN, PaymentAttempt.method_id.is_not(None)
    )
    query = (
        sa.select(AttemptDocument.document_id)
        .join(PaymentAttempt, PaymentAttempt.id == AttemptDocument.attempt_id)
        .where(
            AttemptDocument.document_id.in_(document_ids),
            sa.or_(PaymentAttempt.status == AttemptStatus.UNKNOWN, requested, payment),
        )
    )
    return set(session().scalars(query))
