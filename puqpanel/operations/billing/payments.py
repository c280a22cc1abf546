"""Payments: each is recorded once and allocated to documents; the rest becomes credit.

Staff's “mark paid”, credit and gateways all come through `receive` and `pay_from_credit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import sqlalchemy as sa

from puqpanel.domain.document_states import OPEN, DocumentStatus, status_after
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import ConflictError, InvalidInput, UserError
from puqpanel.domain.ledger import Account, Entry
from puqpanel.domain.money import Money
from puqpanel.domain.payment_states import PaymentStatus
from puqpanel.domain.permissions import PAYMENTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.db import Model, find, retry_deadlocks, save, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import Allocation, Client, Company, Document, Payment
from puqpanel.models.columns import new_uuid
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.documents import find_document, lock_document
from puqpanel.operations.billing.lines import MAX_AMOUNT_MINOR
from puqpanel.operations.billing.sealing import seal
from puqpanel.operations.system import audit

SUCCEEDED = PaymentStatus.SUCCEEDED
FIRST_DAY = date(2000, 1, 1)
"""The earliest day on which a payment can have been received."""
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Received:
    """A payment to record.

    Args:
        amount: more than zero.
        gateway: key of the gateway; empty if staff recorded it.
        outside_id: the gateway's identifier of the payment, which is recorded once.
        received_on: the day of the payment; today unless given.
        note: why staff recorded it, or what the payer wrote.
    """

    amount: Money
    gateway: str = ""
    outside_id: str = ""
    received_on: date | None = None
    note: str = ""


@retry_deadlocks
@transaction()
def receive(
    *,
    actor: Principal,
    client_uuid: str,
    company: Company,
    received: Received,
    documents: Sequence[str] = (),
) -> Payment:
    """Record a payment once, and pay documents with it, in order; the rest becomes credit.

    Args:
        actor: who records it.
        client_uuid: who paid.
        company: the company that was paid.
        received: the payment. One with the gateway and identifier of an earlier payment is that
            payment, and changes nothing.
        documents: UUIDs of the documents to pay first; those of other clients, companies or
            currencies, and closed ones, are skipped.

    Raises:
        InvalidInput: the amount is not positive.
    """
    actor.require(PAYMENTS_MANAGE)
    if received.amount.minor <= 0:
        raise InvalidInput({"amount": [_("Enter an amount greater than 0.")]})
    if received.amount.minor > MAX_AMOUNT_MINOR:
        limit = Money(MAX_AMOUNT_MINOR, received.amount.currency)
        raise InvalidInput({"amount": [_("Enter an amount up to %(limit)s.", limit=limit)]})
    query = sa.select(Client.id).where(Client.uuid == client_uuid)
    client = ledger.lock_client(find(query, _("Client not found.")))
    outside_id = received.outside_id or new_uuid()
    known = sa.select(Payment).where(
        Payment.gateway == received.gateway, Payment.outside_id == outside_id
    )
    if (earlier := session().scalar(known)) is not None:
        return earlier
    today = ledger.today(company)
    day = received.received_on or today
    if not FIRST_DAY <= day <= today:
        text = _("Enter a day from %(year)s to today.", year=FIRST_DAY.year)
        raise InvalidInput({"received_on": [text]})
    payment = save(
        Payment(
            company_id=company.id,
            client_id=client.id,
            gateway=received.gateway,
            outside_id=outside_id,
            status=SUCCEEDED,
            currency=received.amount.currency,
            minor=received.amount.minor,
            received_on=day,
            note=received.note,
        )
    )
    book(actor, payment, client, documents)
    return payment


def book(actor: Principal, payment: Payment, client: Client, documents: Sequence[str]) -> None:
    """Post a payment that succeeded, and pay documents with it; requires a transaction.

    Args:
        actor: who recorded it.
        payment: of the client.
        client: who paid, locked.
        documents: UUIDs of the documents to pay first, as for `receive`.
    """
    company = payment.company
    ledger.post(
        key=f"payment:{payment.gateway}:{payment.outside_id}",
        company=company,
        client_id=client.id,
        day=payment.received_on,
        summary=_("Payment received"),
        entries=[
            Entry(Account.CLEARING, payment.amount, gateway=payment.gateway),
            Entry(Account.CREDIT, -payment.amount),
        ],
    )
    audit.record(
        actor=actor,
        action="payment.recorded",
        subject_type="client",
        subject_uuid=client.uuid,
        summary=_("Payment of %(amount)s recorded.", amount=payment.amount),
        after={"amount": str(payment.amount), "note": payment.note},
    )
    pay_documents(actor, client, payment.amount, documents, payment)
    # when credit is what is left: recorders start or unsuspend prepaid services with it
    raise_event("payment.received", {"payment_uuid": payment.uuid, "client_uuid": client.uuid})


def pay_documents(
    actor: Principal, client: Client, amount: Money, documents: Sequence[str], payment: Payment
) -> None:
    """Pay documents with what arrived for a locked client, in order; the rest stays credit."""
    left = amount
    for uuid in documents:
        try:
            with transaction():
                left -= _allocate(actor, client, uuid, left, payment)
        except UserError as error:  # the money arrived all the same: it stays credit
            audit.record(
                actor=actor,
                action="payment.not_allocated",
                subject_type="client",
                subject_uuid=client.uuid,
                summary=_(
                    "The payment was added to the credit balance: %(reason)s", reason=error.text
                ),
                after={"document": uuid, "amount": str(left)},
            )


@retry_deadlocks
def mark_paid(
    *,
    actor: Principal,
    document_uuid: str,
    reason: str,
    amount: Money | None = None,
    received_on: date | None = None,
    token: str = "",
) -> Payment:
    """Record that a document was paid outside the panel.

    Args:
        actor: who records it.
        document_uuid: the document.
        reason: why, for the record; required.
        amount: what was paid; all that is open unless given.
        received_on: the day of the payment; today unless given.
        token: of the form, so that a form that is sent twice records one payment.

    Raises:
        ConflictError: nothing is open.
        InvalidInput: no reason is given, or the amount is not positive.
    """
    actor.require(PAYMENTS_MANAGE)
    if not reason.strip():
        raise InvalidInput({"reason": [_("Enter a note, such as the bank statement number.")]})
    with transaction():
        ledger.lock_client(find_document(document_uuid).client_id)
        document = lock_document(document_uuid)
        check_payable(document)
        return receive(
            actor=actor,
            client_uuid=document.client.uuid,
            company=document.company,
            received=Received(
                document.open if amount is None else amount,
                outside_id=token,
                received_on=received_on,
                note=reason.strip(),
            ),
            documents=[document_uuid],
        )


@retry_deadlocks
@transaction()
def pay_from_credit(*, actor: Principal, document_uuid: str) -> Money:
    """Pay a document from the credit of its client, as far as it goes.

    Returns:
        What was paid.

    Raises:
        ConflictError: nothing is open, or there is no credit.
    """
    actor.require(PAYMENTS_MANAGE)
    return spend_credit(actor, find_document(document_uuid).client_id, document_uuid)


def spend_credit(actor: Principal, client_id: int, document_uuid: str) -> Money:
    """Pay a document from credit for an actor who may; requires a transaction.

    Raises:
        ConflictError: nothing is open, or there is no credit.
    """
    client = ledger.lock_client(client_id)
    document = lock_document(document_uuid)
    check_payable(document)
    if document.adds_funds:
        raise ConflictError(_("You can't use credit to add funds. Choose another payment method."))
    available = ledger.credit(client, document.company, document.currency)
    if available.minor <= 0:
        raise ConflictError(
            _(
                "%(name)s has no credit in %(currency)s at %(company)s.",
                name=client.name,
                currency=document.currency,
                company=document.company.name,
            )
        )
    return _allocate(actor, client, document_uuid, available, None)


def check_payable(document: Document) -> None:
    """Check that something can be paid on a document.

    Raises:
        ConflictError: nothing is open, or it is a credit note.
    """
    if document.kind == DocumentKind.CREDIT_NOTE or document.status not in OPEN:
        raise ConflictError(_("Nothing is left to pay on this document."))


def _allocate(
    actor: Principal, client: Client, uuid: str, available: Money, payment: Payment | None
) -> Money:
    """Pay a document with credit of its locked client at its company, and return how much.

    A proforma that is paid in full becomes an invoice, which is what the credit pays. A payment of
    funds stays credit.
    """
    document = lock_document(uuid)
    payable = document.status in OPEN and document.kind != DocumentKind.CREDIT_NOTE
    seller = payment.company_id if payment else document.company_id
    wanted = (client.id, seller, available.currency)
    same = (document.client_id, document.company_id, document.currency) == wanted
    amount = min(available, document.open) if payable and same else Money.zero(available.currency)
    if not amount:
        return amount
    if document.adds_funds:
        _record(actor, document, amount, payment)
        return amount
    if document.kind == DocumentKind.PROFORMA:
        if ledger.credit(client, document.company, document.currency) < document.open:
            return Money.zero(available.currency)  # it stays credit until the proforma is covered
        document.paid_minor = document.total.minor
        document.status = DocumentStatus.PAID
        document = _invoice(actor, document)
        if earlier := document.open - amount:
            _pay(actor, client, document, earlier, None)
    _pay(actor, client, document, amount, payment)
    return amount


def _pay(
    actor: Principal, client: Client, invoice: Document, amount: Money, payment: Payment | None
) -> None:
    """Post that credit of a client pays an invoice, and record it."""
    allocation = _record(actor, invoice, amount, payment)
    ledger.post(
        key=f"allocation:{allocation.id}",
        company=invoice.company,
        client_id=client.id,
        day=ledger.today(invoice.company),
        summary=_("Invoice %(number)s paid", number=invoice.number),
        entries=[
            Entry(Account.CREDIT, amount),
            Entry(Account.RECEIVABLE, -amount, invoice.id),
        ],
    )
    if invoice.status == DocumentStatus.PAID:
        payload = {"invoice_uuid": invoice.uuid, "client_uuid": client.uuid}
        raise_event("invoice.paid", payload)


def _record(
    actor: Principal, document: Document, amount: Money, payment: Payment | None
) -> Allocation:
    """Record what was paid on a document."""
    allocation = save(
        Allocation(
            payment_id=payment.id if payment else None, document_id=document.id, minor=amount.minor
        )
    )
    document.paid_minor += amount.minor
    settled = document.paid_minor + document.credited_minor
    document.status = status_after(document.total.minor, settled)
    session().flush()
    audit.record(
        actor=actor,
        action="document.paid",
        subject_type="document",
        subject_uuid=document.uuid,
        summary=_("%(amount)s paid.", amount=amount),
        after={"amount": str(amount), "from": "payment" if payment else "credit"},
    )
    return allocation


def _invoice(actor: Principal, proforma: Document) -> Document:
    """Issue the invoice of a proforma that is paid, with the taxes of the proforma."""
    invoice = Document(
        company_id=proforma.company_id,
        client_id=proforma.client_id,
        company=proforma.company,
        client=proforma.client,
        kind=DocumentKind.INVOICE,
        currency=proforma.currency,
        language=proforma.language,
        entry=proforma.entry,
        reference=proforma.reference,
        notes=proforma.notes,
        buyer=proforma.buyer,
        origin_id=proforma.id,
        prepaid_minor=proforma.paid_minor,
        net_minor=proforma.net_minor,
        tax_minor=proforma.tax_minor,
    )
    _copy(proforma, invoice)
    save(invoice, ConflictError(_("This proforma already has an invoice.")))
    seal(actor, invoice)
    return invoice


def _copy(source: Document, target: Document) -> None:
    """Copy lines and taxes."""
    target.lines.extend(_twin(row) for row in source.lines)
    target.taxes.extend(_twin(row) for row in source.taxes)


def _twin(row: Row) -> Row:
    """Return a new row with the same values, of no document yet."""
    names = set(row.__table__.columns.keys()) - {"id", "document_id"}
    return type(row)(**{name: getattr(row, name) for name in names})
