"""Drafts: orders that staff prepare for a client, and place when they are complete.

A draft takes nothing from stock and has no document. Its prices are those of the day on which it
is placed.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.order_states import OrderStatus
from puqpanel.domain.permissions import ORDERS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.db import find, retry_deadlocks, save, session, transaction
from puqpanel.models import Coupon, Offer, Order
from puqpanel.operations.accounts import addresses
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.companies import company_for
from puqpanel.operations.billing.ledger import today
from puqpanel.operations.ordering import orders
from puqpanel.operations.ordering.coupons import clean_code, valid_coupon
from puqpanel.operations.ordering.draft_contents import choice_of, items
from puqpanel.operations.ordering.orders import Request, find_order
from puqpanel.operations.ordering.quotes import Choice, Priced, price_choices
from puqpanel.operations.system import audit


@transaction()
def create(*, actor: Principal, client_uuid: str) -> Order:
    """Create a draft without products.

    Raises:
        NotFoundError: there is no such client.
    """
    actor.require(ORDERS_MANAGE)
    client = find_client(client_uuid)
    order = save(
        Order(
            client_id=client.id,
            client=client,
            status=OrderStatus.DRAFT,
            currency=client.currency,
            total_minor=0,
            contents=[],
            placed_by=actor.name,
            token=secrets.token_urlsafe(32),
        )
    )
    audit.record(
        actor=actor,
        action="order.drafted",
        subject_type="order",
        subject_uuid=order.uuid,
        summary=_("Draft created."),
    )
    return order


def price(order: Order, choices: Sequence[Choice]) -> Priced:
    """Return what the products of a draft cost today.

    Raises:
        InvalidInput: one of them cannot be ordered.
    """
    client = order.client
    address = addresses.chosen(client, order.address_id)
    return price_choices(company_for(client), client, choices, address=address)


def price_all(order: Order) -> Priced:
    """Return what a draft costs today with its coupon.

    Raises:
        InvalidInput: it has no products, one cannot be ordered, or the coupon is not valid.
    """
    client, choices = order.client, [choice for _id, choice in items(order)]
    if not choices:
        raise InvalidInput({"": [_("Add a product first.")]})
    company, address = company_for(client), addresses.chosen(client, order.address_id)
    return price_choices(company, client, choices, _coupon(order, today(company)), address)


def _coupon(order: Order, day: date) -> Coupon | None:
    """Return the coupon of a draft; an offer has counted its use already."""
    if not order.coupon:
        return None
    if order.status == OrderStatus.OFFERED:
        return find(sa.select(Coupon).where(Coupon.code == order.coupon), _("Coupon not found."))
    return valid_coupon(order.coupon, order.client, day)


@retry_deadlocks
@transaction()
def set_address(*, actor: Principal, uuid: str, address_uuid: str) -> None:
    """Choose the billing address of a draft.

    Args:
        actor: who chooses it.
        uuid: the draft.
        address_uuid: an address of its client; empty for the client's own.

    Raises:
        ConflictError: the order is not a draft.
        NotFoundError: the client has no such address.
    """
    actor.require(ORDERS_MANAGE)
    order = lock_draft(uuid)
    found = addresses.find_address(order.client, address_uuid) if address_uuid else None
    if order.address_id != (found.id if found else None):
        order.address_id = found.id if found else None
        record_change(actor, order)


@retry_deadlocks
@transaction()
def set_coupon(*, actor: Principal, uuid: str, code: str) -> None:
    """Set the coupon of a draft; its use is counted when the draft is offered or placed.

    Args:
        actor: who sets it.
        uuid: the draft.
        code: the code of the coupon; empty removes it.

    Raises:
        ConflictError: the order is not a draft.
        InvalidInput: the coupon is not valid for the client, or reduces none of the prices.
    """
    actor.require(ORDERS_MANAGE)
    order = lock_draft(uuid)
    code = clean_code(code)
    if order.coupon == code:
        return
    order.coupon = code
    if code and order.contents:
        price_all(order)
    else:
        _coupon(order, today(company_for(order.client)))
    record_change(actor, order)


@retry_deadlocks
@transaction()
def delete(*, actor: Principal, uuid: str) -> None:
    """Delete a draft, with its offers that were not accepted.

    Raises:
        ConflictError: the order is not a draft.
    """
    actor.require(ORDERS_MANAGE)
    order = lock_draft(uuid)
    audit.record(
        actor=actor,
        action="order.deleted",
        subject_type="client",
        subject_uuid=order.client.uuid,
        summary=_("Draft of an order deleted."),
        after={"order": uuid},
    )
    session().execute(sa.delete(Offer).where(Offer.order_id == order.id))
    session().delete(order)


def place(*, actor: Principal, uuid: str, expected: Money | None = None) -> Order:
    """Place a draft, as `orders.place` does; the same row becomes the order, once.

    Args:
        actor: who places it.
        uuid: the draft.
        expected: the total that was shown.

    Raises:
        ConflictError: the draft or its total changed.
        InvalidInput: it has no products, or one of them cannot be ordered.
    """
    actor.require(ORDERS_MANAGE)
    order = find_order(uuid)
    if order.status == OrderStatus.OFFERED:
        raise ConflictError(OFFERED)
    if order.status != OrderStatus.DRAFT:
        return order
    return orders.place(
        actor=actor,
        request=Request(
            client_uuid=order.client.uuid,
            choices=[choice for _id, choice in items(order)],
            token=order.token,
            expected=expected,
            coupon=order.coupon,
            contents=order.contents or (),
        ),
    )


OFFERED = _("This order is offered to the client. Withdraw the offer first.")


def lock_draft(uuid: str) -> Order:
    """Lock the client of a draft until the transaction ends, and return the draft.

    Raises:
        ConflictError: it is not a draft.
    """
    order = lock_order(uuid)
    if order.status == OrderStatus.OFFERED:
        raise ConflictError(OFFERED)
    if order.status != OrderStatus.DRAFT:
        raise ConflictError(_("This order was placed already."))
    return order


def lock_order(uuid: str) -> Order:
    """Lock the client of an order until the transaction ends, and return the order.

    Whatever changes an order or its documents locks the client first.
    """
    ledger.lock_client(find_order(uuid).client_id)
    return find_order(uuid)


def record_change(actor: Principal, order: Order) -> None:
    """Record that a draft was changed; a part of operations that have asked."""
    names = [choice_of(item).product.name for item in order.contents or ()]
    audit.record(
        actor=actor,
        action="order.updated",
        subject_type="order",
        subject_uuid=order.uuid,
        summary=_("Draft changed."),
        after={"products": names, "coupon": order.coupon},
    )
