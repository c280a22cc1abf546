"""Drafts: orders that staff prepare for a client, and place when they are complete.

A draft takes nothing from stock and has no document. Its prices are those of the day on which it
is placed.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.catalog import BillingMode
from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError
from puqpanel.domain.money import Money
from puqpanel.domain.order_states import OrderStatus
from puqpanel.domain.permissions import ORDERS_MANAGE, SERVICES_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.host.form_fields import secret_fields
from puqpanel.infra.db import find, retry_deadlocks, save, session, transaction
from puqpanel.models import Coupon, Offer, Order, Price, Product
from puqpanel.operations.accounts import addresses
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.companies import company_for
from puqpanel.operations.billing.ledger import today
from puqpanel.operations.catalog.price_rows import MAX_PRICE_MINOR
from puqpanel.operations.catalog.products import check_configured, find_product, module_of
from puqpanel.operations.modules import forms
from puqpanel.operations.ordering import order_forms, orders
from puqpanel.operations.ordering.coupons import clean_code, valid_coupon
from puqpanel.operations.ordering.orders import MAX_ITEMS, Request, find_order
from puqpanel.operations.ordering.quotes import Choice, OwnPrice, Priced, price_choices
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_name

MAX_REASON_LENGTH = 500
Item = dict[str, Any]
"""A product of a draft: id, product, period, options, name, data and own price."""


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


def sellable(currency: str) -> Sequence[Product]:
    """Return the products that can be ordered in a currency, hidden ones included, by name."""
    priced = sa.select(Price.product_id).where(Price.currency == currency, Price.live.is_(True))
    query = sa.select(Product).where(
        Product.active,
        Product.billing_mode != BillingMode.PREPAID,
        sa.or_(Product.billing_mode == BillingMode.FREE, Product.id.in_(priced)),
    )
    return session().scalars(query.order_by(Product.name, Product.id)).all()


def items(order: Order) -> list[tuple[str, Choice]]:
    """Return the products of a draft with their ids."""
    return [(item["id"], _choice(item)) for item in order.contents or ()]


def find_item(order: Order, item_id: str) -> Choice:
    """Return one product of a draft.

    Raises:
        NotFoundError: it was removed.
    """
    for key, choice in items(order):
        if key == item_id:
            return choice
    raise NotFoundError(_("This product is no longer part of the order."))


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


def save_item(*, actor: Principal, uuid: str, choice: Choice, item_id: str = "") -> None:
    """Add a product to a draft, or change one.

    Args:
        actor: who changes it.
        uuid: the draft.
        choice: the product with period, options, name and the module's form.
        item_id: the product that is changed; empty adds one.

    Raises:
        ConflictError: the order is not a draft.
        InvalidInput: the product is not sold, or an option or a field is invalid.
        NotFoundError: the product was removed.
    """
    actor.require(ORDERS_MANAGE)
    before = find_item(find_order(uuid), item_id) if item_id else None
    if choice.own_price is not None and (before is None or _terms(before) != _terms(choice)):
        actor.require(SERVICES_MANAGE)
        _check_own_price(choice)
    data = _checked(actor, choice, (before.data if before else None) or {})
    name = clean_name(choice.name) if choice.name.strip() else ""
    _store(actor, uuid, replace(choice, data=data, name=name), item_id)


def _terms(choice: Choice) -> tuple[object, ...]:
    """Return what a custom price is for."""
    return choice.own_price, choice.product.id, choice.period, dict(choice.options)


def _check_own_price(choice: Choice) -> None:
    own, errors = choice.own_price, {}
    assert own is not None
    if choice.product.billing_mode == BillingMode.FREE:
        errors["own_price"] = [
            _("%(name)s is free, so it can't have a custom price.", name=choice.product.name)
        ]
    for field, amount in (("own_price", own.recurring), ("own_setup", own.setup)):
        if not 0 <= amount.minor <= MAX_PRICE_MINOR:
            limit = Money(MAX_PRICE_MINOR, amount.currency)
            errors[field] = [_("Enter an amount up to %(limit)s.", limit=limit)]
    if not own.reason.strip():
        errors["own_reason"] = [_("Enter a reason.")]
    elif len(own.reason) > MAX_REASON_LENGTH:
        errors["own_reason"] = [_("Enter at most %(limit)s characters.", limit=MAX_REASON_LENGTH)]
    if errors:
        raise InvalidInput(errors)


def _checked(
    actor: Principal, choice: Choice, before: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Return the module's form as it was submitted, after the module has accepted it.

    Secrets that are left blank are kept.
    """
    check_configured(choice.product)
    module = module_of(choice.product)
    if module is None or choice.data is None:
        return None
    asked = order_forms.field_names(choice.product, actor)
    data = {name: value for name, value in choice.data.items() if name in asked}
    secret = secret_fields(module.cls)
    kept = {key: before[key] for key in secret if before.get(key) and not data.get(key)}
    forms.validate(
        module,
        "save_service_data",
        data,
        stored=before,
        kept=kept,
        product_uuid=choice.product.uuid,
        actor=actor,
    )
    return data | kept


@retry_deadlocks
@transaction()
def _store(actor: Principal, uuid: str, choice: Choice, item_id: str) -> None:
    order = lock_draft(uuid)
    price(order, [choice])
    contents = [dict(item) for item in order.contents or ()]
    item: Item = {
        "id": item_id or secrets.token_hex(4),
        "product": choice.product.uuid,
        "period": choice.period,
        "options": dict(choice.options),
        "name": choice.name,
        "data": None if choice.data is None else dict(choice.data),
        "own_price": _plain_price(choice.own_price),
    }
    if not item_id:
        if len(contents) >= MAX_ITEMS:
            text = _("An order has at most %(limit)s products.", limit=MAX_ITEMS)
            raise InvalidInput({"": [text]})
        contents.append(item)
    elif any(each["id"] == item_id for each in contents):
        contents = [item if each["id"] == item_id else each for each in contents]
    else:
        raise NotFoundError(_("This product is no longer part of the order."))
    order.contents = contents
    _changed(actor, order)


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
        _changed(actor, order)


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
    _changed(actor, order)


@retry_deadlocks
@transaction()
def remove_item(*, actor: Principal, uuid: str, item_id: str) -> None:
    """Remove a product from a draft; it does nothing the second time.

    Raises:
        ConflictError: the order is not a draft.
    """
    actor.require(ORDERS_MANAGE)
    order = lock_draft(uuid)
    contents = [dict(item) for item in order.contents or () if item["id"] != item_id]
    if len(contents) != len(order.contents or ()):
        order.contents = contents
        _changed(actor, order)


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


def _choice(item: Mapping[str, Any]) -> Choice:
    return Choice(
        product=find_product(item["product"]),
        period=item["period"],
        options=item["options"],
        name=item["name"],
        data=item["data"],
        own_price=_own_price(item.get("own_price")),
    )


def _plain_price(own: OwnPrice | None) -> dict[str, Any] | None:
    if own is None:
        return None
    return {
        "recurring": own.recurring.minor,
        "setup": own.setup.minor,
        "currency": own.recurring.currency,
        "reason": own.reason,
    }


def _own_price(stored: Mapping[str, Any] | None) -> OwnPrice | None:
    if stored is None:
        return None
    currency = stored["currency"]
    recurring, setup = Money(stored["recurring"], currency), Money(stored["setup"], currency)
    return OwnPrice(recurring, setup, stored["reason"])


def _changed(actor: Principal, order: Order) -> None:
    names = [_choice(item).product.name for item in order.contents or ()]
    audit.record(
        actor=actor,
        action="order.updated",
        subject_type="order",
        subject_uuid=order.uuid,
        summary=_("Draft changed."),
        after={"products": names, "coupon": order.coupon},
    )
