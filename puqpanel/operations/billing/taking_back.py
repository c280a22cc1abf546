"""Post what a refund or a dispute takes back of a payment, and what comes back if it fails."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from puqpanel.domain.document_states import DocumentStatus, status_after
from puqpanel.domain.ledger import Account, Entry
from puqpanel.domain.money import Money
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.db import save, session
from puqpanel.models import Allocation, Client, Document, Payment, Refund
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.documents import lock_document
from puqpanel.operations.billing.payments import pay_documents
from puqpanel.operations.system import audit

_PAID = (DocumentStatus.PAID, DocumentStatus.PARTLY_PAID)


def take_back(actor: Principal, refund: Refund, client: Client) -> None:
    """Take the money of a refund from the credit of its locked client; requires a transaction.

    What the credit does not cover is taken from the documents that the payment paid, the last one
    first, which are unpaid again by that much; then from others that credit paid.
    """
    payment = refund.payment
    missing = refund.amount - ledger.credit(client, payment.company, payment.currency)
    if missing.minor > 0:
        _reopen(actor, payment, client, missing)
    ledger.post(
        key=f"refund:{refund.uuid}",
        company=payment.company,
        client_id=client.id,
        day=refund.day,
        summary=_("Payment disputed") if refund.kind == "dispute" else _("Payment refunded"),
        entries=[
            Entry(Account.CREDIT, refund.amount),
            Entry(Account.CLEARING, -refund.amount, gateway=payment.gateway),
        ],
    )


def give_back(actor: Principal, refund: Refund, client: Client) -> None:
    """Reverse the posting of a refund that failed, and pay the documents again."""
    payment = refund.payment
    ledger.post(
        key=f"refund_failed:{refund.uuid}",
        company=payment.company,
        client_id=client.id,
        day=ledger.today(payment.company),
        summary=_("Refund failed") if refund.kind == "refund" else _("Dispute won"),
        entries=[
            Entry(Account.CLEARING, refund.amount, gateway=payment.gateway),
            Entry(Account.CREDIT, -refund.amount),
        ],
    )
    query = (
        sa.select(Document.uuid)
        .join(Allocation, Allocation.document_id == Document.id)
        .where(
            Document.client_id == client.id,
            Allocation.minor < 0,
            sa.or_(
                Allocation.payment_id == payment.id,
                sa.and_(
                    Allocation.payment_id.is_(None), Allocation.created_at >= refund.created_at
                ),
            ),
        )
        .distinct()
    )
    pay_documents(actor, client, refund.amount, list(session().scalars(query)), payment)


def _reopen(actor: Principal, payment: Payment, client: Client, missing: Money) -> None:
    """Take an amount back from documents, as far as they were paid."""
    for payment_id, uuid, minor in _paid_documents(payment, client):
        document = lock_document(uuid)
        taken = min(minor, document.paid_minor, missing.minor)
        if taken <= 0 or document.status not in _PAID:
            continue
        amount = Money(taken, missing.currency)
        allocation = save(Allocation(payment_id=payment_id, document_id=document.id, minor=-taken))
        document.paid_minor -= taken
        document.status = status_after(
            document.total.minor, document.paid_minor + document.credited_minor
        )
        ledger.post(
            key=f"allocation:{allocation.id}",
            company=payment.company,
            client_id=client.id,
            day=ledger.today(payment.company),
            summary=_("Payment of invoice %(number)s taken back", number=document.number or ""),
            entries=[
                Entry(Account.CREDIT, -amount),
                Entry(Account.RECEIVABLE, amount, document.id),
            ],
        )
        audit.record(
            actor=actor,
            action="document.unpaid",
            subject_type="document",
            subject_uuid=document.uuid,
            summary=_("%(amount)s of its payment were taken back.", amount=amount),
            after={"amount": str(amount)},
        )
        missing -= amount
        if missing.minor <= 0:
            return


def _paid_documents(payment: Payment, client: Client) -> Iterator[tuple[int | None, str, int]]:
    """Yield payment, invoice and amount: first of the payment itself, then of credit."""
    paid = sa.func.sum(Allocation.minor)
    last = sa.func.max(Allocation.id)
    for payment_id in (payment.id, None):
        query = (
            sa.select(Document.uuid, paid)
            .join(Allocation, Allocation.document_id == Document.id)
            .where(
                Allocation.payment_id.is_(None)
                if payment_id is None
                else Allocation.payment_id == payment_id,
                Document.client_id == client.id,
                Document.company_id == payment.company_id,
                Document.currency == payment.currency,
                Document.kind == "invoice",
            )
            .group_by(Document.id, Document.uuid)
            .having(paid > 0)
            .order_by(last.desc())
        )
        for uuid, minor in session().execute(query).all():
            yield payment_id, uuid, int(minor)
