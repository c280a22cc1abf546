"""Parked payments: money that arrived and that staff assign to a client, or send back."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.payment_states import PaymentStatus
from puqpanel.domain.permissions import PAYMENTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import retry_deadlocks, session, transaction
from puqpanel.models import Client, Company, Document, Payment
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.companies import find_company
from puqpanel.operations.billing.gateways import lock_gateway
from puqpanel.operations.billing.payment_reports import post_fee
from puqpanel.operations.billing.payments import book
from puqpanel.operations.billing.refunds import find_payment
from puqpanel.operations.system import audit


def count() -> int:
    """Return how many payments are parked."""
    query = sa.select(sa.func.count(Payment.id)).where(Payment.status == PaymentStatus.PARKED)
    return session().scalar(query) or 0


@retry_deadlocks
@transaction()
def assign(
    *,
    actor: Principal,
    uuid: str,
    client_uuid: str,
    company_uuid: str = "",
    documents: Sequence[str] = (),
    reason: str = "",
) -> Payment:
    """Assign a parked payment to a client and pay documents with it; the rest becomes credit.

    Args:
        actor: staff.
        uuid: the payment.
        client_uuid: who paid.
        company_uuid: who was paid; that of the payment unless given.
        documents: UUIDs of the documents to pay first.
        reason: for the record.

    Raises:
        ConflictError: it is not parked.
        InvalidInput: a document is of another client or company.
    """
    actor.require(PAYMENTS_MANAGE)
    payment = _lock(uuid)
    client = ledger.lock_client(find_client(client_uuid).id)
    if company_uuid:
        payment.company = find_company(company_uuid)
        payment.company_id = payment.company.id
    elif documents:
        query = sa.select(Document).where(Document.uuid == documents[0])
        if (document := session().scalar(query)) is not None:
            payment.company, payment.company_id = document.company, document.company_id
    _check_documents(client, payment.company, documents)
    payment.client_id = client.id
    payment.status, payment.reason = PaymentStatus.SUCCEEDED, _("Assigned by staff.")
    session().flush()
    _record(
        actor,
        payment,
        "assigned",
        _("Parked payment assigned to %(name)s.", name=client.name),
        reason,
    )
    book(actor, payment, client, documents)
    post_fee(payment)
    return payment


def _check_documents(client: Client, company: Company, documents: Sequence[str]) -> None:
    query = sa.select(Document.client_id, Document.company_id).where(Document.uuid.in_(documents))
    if any(row != (client.id, company.id) for row in session().execute(query)):
        text = _("Choose documents of this client that one company issued.")
        raise InvalidInput({"documents": [text]})


@retry_deadlocks
@transaction()
def dismiss(*, actor: Principal, uuid: str, reason: str, sent_back: bool = False) -> None:
    """Close a parked payment that was sent back, or that does not concern the panel.

    Args:
        actor: staff.
        uuid: the payment.
        reason: for the record; required.
        sent_back: whether the money went back to the payer.

    Raises:
        ConflictError: it is not parked.
        InvalidInput: no reason is given.
    """
    actor.require(PAYMENTS_MANAGE)
    if not reason.strip():
        raise InvalidInput({"reason": [_("Enter a reason.")]})
    payment = _lock(uuid)
    payment.status = PaymentStatus.CLOSED
    # customers see it, so the reason is kept in the activity log only
    payment.reason = _("Sent back to the payer.") if sent_back else _("Closed by staff.")
    summary = (
        _("Sent back to the payer: %(reason)s", reason=reason.strip())
        if sent_back
        else _("Closed by staff: %(reason)s", reason=reason.strip())
    )
    _record(actor, payment, "dismissed", summary, reason)


def check_parked(payment: Payment) -> None:
    """Check that a payment is parked.

    Raises:
        ConflictError: it is not.
    """
    if payment.status != PaymentStatus.PARKED:
        raise ConflictError(_("This payment is not parked."))


def _lock(uuid: str) -> Payment:
    payment = find_payment(uuid)
    if payment.gateway:
        lock_gateway(payment.gateway)
    session().refresh(payment)
    check_parked(payment)
    return payment


def _record(actor: Principal, payment: Payment, act: str, summary: Text, reason: str) -> None:
    audit.record(
        actor=actor,
        action=f"payment.{act}",
        subject_type="payment",
        subject_uuid=payment.uuid,
        summary=summary,
        after={"amount": str(payment.amount), "reason": reason.strip()},
    )
