"""Whether and when clients pay in a simulation: the same answers for the same seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from puqpanel.domain.document_states import OPEN, DocumentStatus
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.payment_states import AttemptStatus
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Allocation, Document, PaymentAttempt

Outcome = TypeVar("Outcome")
YEAR = timedelta(days=365)
LONGEST_DELAY = 14
"""Days after the due date until which those pay who pay at all, unless their history is known."""
ENOUGH = 3
"""Earlier documents or charges of a client from which its next ones are assumed."""


@dataclass(frozen=True, slots=True)
class Paying:
    """How clients pay.

    Args:
        seed: of the random choices.
        share: the share of documents that are paid and of charges that succeed, from 0 to 1; all
            that are paid are paid on the due date if it is 1.
        delays: of each client, how many days after the due date its earlier documents were paid;
            None for those that were not. Empty to use the share.
        charges: of each client, which of its earlier charges succeeded.
    """

    seed: int
    share: float
    delays: Mapping[int, Sequence[int | None]] = field(default_factory=dict)
    charges: Mapping[int, Sequence[bool]] = field(default_factory=dict)

    def delay(self, client_id: int, key: str) -> int | None:
        """Return how many days after its due date a document is paid; None for never."""
        draw = Random(f"{self.seed}:document:{key}")  # noqa: S311 - a simulation
        if found := _known(self.delays, client_id):
            return draw.choice(found)
        if draw.random() >= self.share:
            return None
        late = self.share < 1 and draw.random() < 1 / 2
        return draw.randint(1, LONGEST_DELAY) if late else 0

    def succeeds(self, client_id: int, key: str) -> bool:
        """Return whether a charge of a saved payment method succeeds."""
        draw = Random(f"{self.seed}:charge:{key}")  # noqa: S311 - a simulation
        if found := _known(self.charges, client_id):
            return draw.choice(found)
        return draw.random() < self.share


def as_before(seed: int) -> Paying:
    """Return that clients pay as they did during the last year; those who are new as all others."""
    return Paying(seed, 1.0, _delays(), _charges())


def _known(found: Mapping[int, Sequence[Outcome]], client_id: int) -> Sequence[Outcome]:
    own = found.get(client_id, ())
    return own if len(own) >= ENOUGH else [each for rows in found.values() for each in rows]


def _delays() -> dict[int, list[int | None]]:
    invoice = aliased(Document)
    query = (
        sa.select(
            *(Document.client_id, Document.due_on, Document.status),
            sa.func.max(Allocation.created_at).label("paid_at"),
        )
        .outerjoin(invoice, invoice.origin_id == Document.id)
        .outerjoin(Allocation, Allocation.document_id == sa.func.coalesce(invoice.id, Document.id))
        .where(
            Document.kind.in_((DocumentKind.INVOICE, DocumentKind.PROFORMA)),
            Document.origin_id.is_(None),
            Document.status.in_((DocumentStatus.PAID, DocumentStatus.WRITTEN_OFF, *OPEN)),
            Document.due_on.between(now().date() - YEAR, now().date() - timedelta(days=1)),
        )
        .group_by(Document.id, Document.client_id, Document.due_on, Document.status)
        .order_by(Document.id)
    )
    found: dict[int, list[int | None]] = {}
    for row in session().execute(query):
        paid = row.status == DocumentStatus.PAID and row.paid_at is not None
        days = max((row.paid_at.date() - row.due_on).days, 0) if paid else None
        found.setdefault(row.client_id, []).append(days)
    return found


def _charges() -> dict[int, list[bool]]:
    ended = (AttemptStatus.SUCCEEDED, AttemptStatus.FAILED)
    query = sa.select(PaymentAttempt.client_id, PaymentAttempt.status).where(
        PaymentAttempt.method_id.is_not(None),
        PaymentAttempt.status.in_(ended),
        PaymentAttempt.created_at >= now() - YEAR,
    )
    found: dict[int, list[bool]] = {}
    for client_id, status in session().execute(query.order_by(PaymentAttempt.id)):
        found.setdefault(client_id, []).append(status == AttemptStatus.SUCCEEDED)
    return found
