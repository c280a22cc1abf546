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
from puqpanel.models import Document, Payment
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.companies import find_company
from puqpanel.operations.billing.gateways import lock_gateway
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
    return payment


@retry_deadlocks
@transaction()
def dismiss(*, actor: Principal, uuid: str, reason: str) -> None:
    """Close a parked payment that was sent back, or that does not concern the panel.

    Raises:
        ConflictError: it is not parked.
        InvalidInput: no reason is given.
    """
    actor.require(PAYMENTS_MANAGE)
    if not reason.strip():
        raise InvalidInput({"reason": [_("Enter a reason.")]})
    payment = _lock(uuid)
    payment.status = PaymentStatus.CANCELLED
    payment.reason = _("Closed by staff: %(reason)s", reason=reason.strip())
    _record(actor, payment, "dismissed", _("Parked payment closed."), reason)


def _lock(uuid: str) -> Payment:
    payment = find_payment(uuid)
    if payment.gateway:
        lock_gateway(payment.gateway)
    session().refresh(payment)
    if payment.status != PaymentStatus.PARKED:
        raise ConflictError(_("This payment is not parked."))
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
