"""Which documents a parked payment is likely for, and what it can pay of a client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from puqpanel.domain.document_states import OPEN
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import session
from puqpanel.models import Client, Document, Payment
from puqpanel.operations.billing.payment_matching import words_of

MAX_SUGGESTIONS = 5
MAX_DOCUMENTS = 50


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A document that a payment is likely for.

    Args:
        document: it can be paid in the currency of the payment.
        reason: why.
    """

    document: Document
    reason: Text


def suggestions(payment: Payment) -> list[Suggestion]:
    """Return documents that the payer names or with the same amount due, both at once first."""
    words = words_of(f"{payment.note} {payment.payer}")
    named = _payable(payment.currency).where(Document.number.in_(words)) if words else None
    due = Document.net_minor + Document.tax_minor - Document.paid_minor - Document.credited_minor
    same = _payable(payment.currency).where(due == payment.minor)
    if payment.client_id is not None:
        same = same.where(Document.client_id == payment.client_id)
    found = [Suggestion(row, _("The payer names it.")) for row in _latest(named)]
    found.sort(key=lambda each: each.document.open.minor != payment.minor)
    known = {each.document.id for each in found}
    for row in _latest(same):
        if row.id not in known:
            found.append(Suggestion(row, _("The same amount is due.")))
    return found[:MAX_SUGGESTIONS]


def _latest(query: sa.Select[Document] | None) -> Sequence[Document]:
    if query is None:
        return ()
    return session().scalars(query.order_by(Document.id.desc()).limit(MAX_SUGGESTIONS)).all()


def payable_documents(client: Client, currency: str) -> Sequence[Document]:
    """Return the documents of a client that can be paid in a currency, the oldest first."""
    query = _payable(currency).where(Document.client_id == client.id)
    return session().scalars(query.order_by(Document.id).limit(MAX_DOCUMENTS)).all()


def _payable(currency: str) -> sa.Select[Document]:
    return sa.select(Document).where(
        Document.status.in_(OPEN),
        Document.kind != DocumentKind.CREDIT_NOTE,
        Document.currency == currency,
    )
