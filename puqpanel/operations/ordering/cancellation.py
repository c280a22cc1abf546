"""Cancel an order whose services were not provisioned: its document, services and stock with it.

One of its services can be cancelled before the others; the order is cancelled with the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial

import sqlalchemy as sa

from puqpanel.domain.document_states import OPEN, DocumentStatus
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.order_states import LIVE, OrderStatus
from puqpanel.domain.permissions import ORDERS_MANAGE
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.domain.texts import _
from puqpanel.infra.db import find, retry_deadlocks, session, transaction
from puqpanel.models import Document, DocumentLineRow, Order, OrderItem, Service
from puqpanel.operations.billing import (
    credit_notes,
    issuing,
    ledger,
    replacements,
    uncredited,
)
from puqpanel.operations.ordering import contracts, coupon_uses, stock
from puqpanel.operations.ordering.orders import WAITS, find_order
from puqpanel.operations.provisioning.services import lock_service
from puqpanel.operations.provisioning.settlement import set_status
from puqpanel.operations.system import audit


@retry_deadlocks
@transaction()
def cancel(*, actor: Principal, uuid: str, reason: str) -> None:
    """Cancel an order; what was paid becomes credit of the client.

    Services that were cancelled before stay so. An unpaid proforma is cancelled, an invoice is
    credited. A coupon of an order of which nothing was paid can be used again.

    Args:
        actor: who cancels it; crediting an invoice needs the permission to issue documents.
        uuid: the order.
        reason: printed on the credit note; required.

    Raises:
        ConflictError: it was cancelled already, or a service of it was provisioned.
        InvalidInput: no reason is given.
    """
    actor.require(ORDERS_MANAGE)
    if not reason.strip():
        raise InvalidInput({"reason": [_("Enter a reason.")]})
    ledger.lock_client(find_order(uuid).client_id)
    query = sa.select(Order).where(Order.uuid == uuid)
    order = find(query.execution_options(populate_existing=True), _("Order not found."))
    _check_live(order)
    for item in order.items:
        lock_service(item.service.uuid)
    services = _not_provisioned(order)
    order.status = OrderStatus.CANCELLED
    for service in services:
        cancel_service(service)
    found = documents_of(order)
    give_back_coupon(order, found)
    for document in found:
        take_back(actor, document, reason)
    text = reason.strip()
    for subject_type, subject_uuid in (("order", uuid), ("client", order.client.uuid)):
        audit.record(
            actor=actor,
            action="order.cancelled",
            subject_type=subject_type,
            subject_uuid=subject_uuid,
            summary=_("Order %(number)s cancelled: %(reason)s", number=order.id, reason=text),
            after={"order": uuid, "reason": text},
        )


def check_cancellable(order: Order) -> None:
    """Check that an order can be cancelled.

    Raises:
        ConflictError: see `cancel`.
    """
    _check_live(order)
    _not_provisioned(order)


def _check_live(order: Order) -> None:
    if order.status == OrderStatus.CANCELLED:
        raise ConflictError(_("This order was cancelled already."))
    if order.status not in LIVE:
        raise ConflictError(_("Only placed or waiting orders can be cancelled."))


def _not_provisioned(order: Order) -> list[Service]:
    """Return the services of an order that were not cancelled before.

    Raises:
        ConflictError: one was provisioned.
    """
    ordered = [item.service for item in order.items]
    services = [each for each in ordered if each.status != ServiceStatus.CANCELLED]
    for service in services:
        if (service.status, service.provision_status) != WAITS:
            raise ConflictError(
                _("%(name)s is provisioned. Terminate the service instead.", name=service.name)
            )
    return services


def give_back_coupon(order: Order, found: Sequence[Document]) -> None:
    """Let the coupon of an order be used again if nothing was paid for its documents."""
    if not any(document.paid_minor for document in found):
        coupon_uses.give_back(order)


def documents_of(order: Order) -> Sequence[Document]:
    """Return the document of an order, and the invoice of its proforma if that was paid."""
    if order.document_id is None:
        return ()
    query = sa.select(Document).where(
        sa.or_(Document.id == order.document_id, Document.origin_id == order.document_id)
    )
    return session().scalars(query.order_by(Document.id)).all()


def credit_service(
    service: Service, reason: str, day: date | None = None, *, paid: bool = False
) -> None:
    """Credit what invoices ask for a locked service.

    Args:
        service: the service.
        reason: printed on the credit notes.
        day: credit days from this one on; None to credit all for a service that was not
            provisioned, paid or not.
        paid: whether to credit these days on paid invoices too.
    """
    of_it = sa.select(DocumentLineRow.document_id).where(DocumentLineRow.service_id == service.id)
    query = sa.select(Document).where(
        Document.id.in_(of_it),
        Document.kind == DocumentKind.INVOICE,
        Document.client_id == service.client_id,
        Document.status.in_((*OPEN, DocumentStatus.PAID)),
    )
    if day is not None and not paid:
        query = query.where(Document.status.in_(OPEN))
    for invoice in session().scalars(query.order_by(Document.id)).all():
        left = uncredited.creditable(invoice)
        lines = {
            row.position: left[row.position]
            for row in invoice.lines
            if _asks_for(row, service, day) and left[row.position]
        }
        if sum(net.minor for net in lines.values()) > 0:
            credit_notes.credit(actor=AUTOMATION, uuid=invoice.uuid, reason=reason, lines=lines)


def leave_out(service: Service, reason: str, day: date | None = None) -> None:
    """Take a locked service off unpaid proformas that ask for others too.

    Each is replaced by one for the rest, which becomes that of the order.

    Args:
        service: the service.
        reason: why.
        day: leave out days from this one on; None for all of a service that was not provisioned.
    """
    for proforma in contracts.open_documents(service):
        rows = [row for row in proforma.lines if not _asks_for(row, service, day)]
        if day is not None and proforma.paid_minor:
            continue
        if proforma.kind == DocumentKind.PROFORMA and len(rows) < len(proforma.lines):
            if sum(row.amount_minor for row in rows) < 0 or not rows:  # a discount is left
                take_back(AUTOMATION, proforma, reason)
                continue
            refer = partial(_refer, proforma)
            replacements.replace_proforma(AUTOMATION, proforma, rows, reason, refer)


def _asks_for(row: DocumentLineRow, service: Service, day: date | None) -> bool:
    """Return whether a line asks for a service, or for days of it from a day on."""
    if row.service_id != service.id:
        return False
    return day is None or (row.period_start is not None and row.period_start >= day)


def _refer(proforma: Document, document: Document) -> None:
    """Let the orders of a proforma have another document instead."""
    for order in session().scalars(sa.select(Order).where(Order.document_id == proforma.id)):
        order.document_id, order.document = document.id, document
    session().flush()


def close_order(service: Service, reason: str) -> None:
    """Cancel the order of a cancelled service if none of its services is left.

    What is still open of its document is taken back, and its coupon can be used again if nothing
    was paid.
    """
    query = sa.select(Order).join(OrderItem, OrderItem.order_id == Order.id)
    order = session().scalar(query.where(OrderItem.service_id == service.id))
    if order is None or order.status not in LIVE:
        return
    if any(item.service.status != ServiceStatus.CANCELLED for item in order.items):
        return
    order.status = OrderStatus.CANCELLED
    found = documents_of(order)
    give_back_coupon(order, found)
    for document in found:
        if document.status in OPEN:
            take_back(AUTOMATION, document, reason)


def cancel_service(service: Service) -> None:
    """Cancel a locked service that was not provisioned, and return it to stock."""
    set_status(service, ServiceStatus.CANCELLED)
    service.paid_until = None
    return_to_stock(service)


def return_to_stock(service: Service) -> bool:
    """Return a cancelled service to stock; one without an order took nothing from it.

    Returns:
        Whether it has an order.
    """
    query = sa.select(OrderItem.id).where(OrderItem.service_id == service.id)
    ordered = session().scalar(query.limit(1)) is not None
    if ordered:
        stock.give_back(service.product_id)
    return ordered


def take_back(actor: Principal, document: Document, reason: str) -> None:
    """Cancel an unpaid proforma, or credit what is left of an invoice."""
    if document.kind == DocumentKind.PROFORMA:
        if document.status == DocumentStatus.ISSUED:
            issuing.cancel_proforma(actor=actor, uuid=document.uuid, reason=reason)
    elif document.total and document.status != DocumentStatus.CREDITED:
        credit_notes.credit(actor=actor, uuid=document.uuid, reason=reason)
