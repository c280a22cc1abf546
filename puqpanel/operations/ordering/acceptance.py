"""Accept orders that wait, and mark orders as fraud.

Each locks the client first, as payments and cancellation do, so that of two at once the second
sees what the first did.
"""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.order_states import LIVE, OrderStatus
from puqpanel.domain.permissions import ORDERS_MANAGE
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.domain.task_states import OnLoss
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import retry_deadlocks, session, transaction
from puqpanel.models import Order, OrderItem, Service
from puqpanel.operations.ordering import changes, contracts, stock
from puqpanel.operations.ordering.cancellation import documents_of, give_back_coupon, take_back
from puqpanel.operations.ordering.drafts import lock_order
from puqpanel.operations.ordering.orders import release
from puqpanel.operations.provisioning.services import lock_service
from puqpanel.operations.provisioning.settlement import set_status
from puqpanel.operations.system import audit
from puqpanel.tasks import add

ENDED = (ServiceStatus.TERMINATED, ServiceStatus.CANCELLED, ServiceStatus.FRAUD)


@retry_deadlocks
@transaction()
def accept(*, actor: Principal, uuid: str) -> None:
    """Accept an order that waits, and provision what needs no further payment.

    Raises:
        ConflictError: it does not wait.
    """
    actor.require(ORDERS_MANAGE)
    order = lock_order(uuid)
    if order.status != OrderStatus.WAITING:
        raise ConflictError(_("This order does not wait for acceptance."))
    for item in order.items:
        lock_service(item.service.uuid)
    if order.document is not None:
        session().refresh(order.document)
    order.status = OrderStatus.PLACED
    release(order)
    _record(actor, order, "order.accepted", _("Order %(number)s accepted.", number=order.id))


@retry_deadlocks
@transaction()
def mark_fraud(*, actor: Principal, uuid: str, reason: str) -> None:
    """Mark an order as fraud: nothing of it is provisioned, and what runs is suspended.

    Its documents are cancelled or credited and its coupon is given back, as when an order is
    cancelled. Services that were not
    provisioned return to stock.

    Args:
        actor: who marks it; crediting an invoice needs the permission to issue documents.
        uuid: the order.
        reason: for staff, and printed on the credit note; required.

    Raises:
        ConflictError: it is a draft, cancelled, or marked already.
        InvalidInput: no reason is given.
    """
    actor.require(ORDERS_MANAGE)
    text = _required(reason)
    order = lock_order(uuid)
    check_live(order)
    order.status = OrderStatus.FRAUD
    for service in [lock_service(item.service.uuid) for item in order.items]:
        if service.status in ENDED:
            continue
        if (change := contracts.change_of(service)) is not None:
            dropped = _("Change to %(plan)s dropped: its order was marked as fraud.")
            changes.drop(actor, change, dropped)
        if service.status == ServiceStatus.PENDING and not _in_progress(service):
            set_status(service, ServiceStatus.FRAUD)
            service.paid_until = None
            stock.give_back(service.product_id)
        else:
            _suspend_later(service)
    found = documents_of(order)
    give_back_coupon(order, found)
    for document in found:
        take_back(actor, document, text)
    summary = _("Order %(number)s marked as fraud: %(reason)s", number=order.id, reason=text)
    _record(actor, order, "order.marked_as_fraud", summary, text)


@retry_deadlocks
@transaction()
def clear_fraud(*, actor: Principal, uuid: str, reason: str) -> None:
    """Remove the fraud mark of an order, which stays cancelled.

    Its documents were credited, so suspended services stay suspended until staff resume them.

    Args:
        actor: who removes it.
        uuid: the order.
        reason: why it is no fraud; required.

    Raises:
        ConflictError: it is not marked as fraud.
        InvalidInput: no reason is given.
    """
    actor.require(ORDERS_MANAGE)
    text = _required(reason)
    order = lock_order(uuid)
    check_marked(order)
    order.status = OrderStatus.CANCELLED
    for service in [lock_service(item.service.uuid) for item in order.items]:
        if service.status == ServiceStatus.FRAUD:
            set_status(service, ServiceStatus.CANCELLED)
    summary = _("Fraud mark of order %(number)s removed: %(reason)s", number=order.id, reason=text)
    _record(actor, order, "order.fraud_cleared", summary, text)


def check_live(order: Order) -> None:
    """Check that an order can be marked as fraud.

    Raises:
        ConflictError: it is a draft, cancelled, or marked already.
    """
    if order.status not in LIVE:
        raise ConflictError(_("Only placed or waiting orders can be marked as fraud."))


def check_marked(order: Order) -> None:
    """Check that an order is marked as fraud.

    Raises:
        ConflictError: it is not.
    """
    if order.status != OrderStatus.FRAUD:
        raise ConflictError(_("This order is not marked as fraud."))


@transaction()
def withhold(service_uuid: str) -> bool:
    """Mark a service of a fraudulent order as fraud if it is not provisioned.

    Called by the task that suspends it.

    Returns:
        Whether it must be suspended: it is active, and its order is still marked as fraud.
    """
    service = lock_service(service_uuid)
    query = (
        sa.select(Order.status)
        .join(OrderItem, OrderItem.order_id == Order.id)
        .where(OrderItem.service_id == service.id)
    )
    if session().scalar(query) != OrderStatus.FRAUD:
        return False
    if _in_progress(service):
        raise ConflictError(_("Another operation of the service is in progress."))
    if service.status == ServiceStatus.PENDING:
        set_status(service, ServiceStatus.FRAUD)
        stock.give_back(service.product_id)
        audit.record(
            actor=AUTOMATION,
            action="service.fraud_marked",
            subject_type="service",
            subject_uuid=service.uuid,
            summary=_("Marked as fraud."),
            before={"status": ServiceStatus.PENDING},
            after={"status": ServiceStatus.FRAUD},
        )
    return service.status == ServiceStatus.ACTIVE


def _suspend_later(service: Service) -> None:
    add.add(
        job="FraudJob",
        queue="System",
        data={"service": service.uuid},
        title="Suspend a service of a fraudulent order",
        subject_type="service",
        subject_uuid=service.uuid,
        tries=10,
        backoff=60,
        on_loss=OnLoss.REPEAT,
        actor=AUTOMATION,
    )


def _in_progress(service: Service) -> bool:
    return service.provision_status == ProvisionStatus.PROCESSING


def _required(reason: str) -> str:
    text = " ".join(reason.split())
    if not text:
        raise InvalidInput({"reason": [_("Enter a reason.")]})
    return text


def _record(actor: Principal, order: Order, action: str, summary: Text, reason: str = "") -> None:
    """Add the entry to the timelines of the order and of its client."""
    for subject_type, subject_uuid in (("order", order.uuid), ("client", order.client.uuid)):
        audit.record(
            actor=actor,
            action=action,
            subject_type=subject_type,
            subject_uuid=subject_uuid,
            summary=summary,
            after={"order": order.uuid, **({"reason": reason} if reason else {})},
        )
