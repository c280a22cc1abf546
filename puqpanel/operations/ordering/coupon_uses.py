"""Uses of coupons: counted with the order, and given back if it is cancelled unpaid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import sqlalchemy as sa

from puqpanel.domain import pricing
from puqpanel.domain.money import Money
from puqpanel.domain.pricing import Quote
from puqpanel.infra.db import save, session, write
from puqpanel.models import Coupon, CouponUse, Order, OrderItem, Product, Service
from puqpanel.operations.ordering.coupons import USED_ALREADY, USED_UP, refused


def take(coupon: Coupon, order: Order) -> None:
    """Count a use in the transaction of an order, so that no order too many uses a coupon.

    Raises:
        InvalidInput: it has been used up or ended, or the client has used it already.
    """
    left = sa.or_(Coupon.max_uses.is_(None), Coupon.uses < Coupon.max_uses)
    counted = (
        sa.update(Coupon)
        .where(Coupon.id == coupon.id, Coupon.ended_at.is_(None), left)
        .values(uses=Coupon.uses + 1)
    )
    if not write(counted):
        raise refused(USED_UP)
    use = CouponUse(
        coupon_id=coupon.id,
        client_id=order.client_id,
        order_id=order.id,
        once=True if coupon.once_per_client else None,
    )
    save(use, refused(USED_ALREADY))


def give_back(order: Order) -> None:
    """Take back the use of an order that was cancelled unpaid; a part of its cancellation."""
    use = session().scalar(sa.select(CouponUse).where(CouponUse.order_id == order.id))
    if use is not None and write(sa.delete(CouponUse).where(CouponUse.id == use.id)):
        write(sa.update(Coupon).where(Coupon.id == use.coupon_id).values(uses=Coupon.uses - 1))


def later_discount(coupon: pricing.Coupon | None, quote: Quote, item: str) -> dict[str, Any] | None:
    """Return what renewals of an ordered service take off; None if nothing.

    Args:
        coupon: the discount of the order.
        quote: of the order.
        item: the key of the service's item.
    """
    if coupon is None or coupon.cycles == 1:
        return None
    amount = quote.later_discounts.get(item)
    if not amount:
        return None
    discount: dict[str, Any] = {
        "coupon": coupon.code,
        "cycles_left": None if coupon.cycles is None else coupon.cycles - 1,
    }
    if coupon.products:
        discount["products"] = sorted(coupon.products)
    if coupon.percent is not None:
        return discount | {"percent": format(coupon.percent, "f")}
    return discount | {"amount_minor": amount.minor}


def kept_discount(service: Service, product: Product) -> pricing.Coupon | None:
    """Return what the coupon of its order takes off each later period of a service.

    Args:
        service: the service.
        product: what it is, or is to become.

    Returns:
        None if there is nothing left, or the coupon is not valid for the product.
    """
    query = sa.select(OrderItem.discount).where(OrderItem.service_id == service.id)
    return _kept(session().scalar(query), product, service.currency)


def kept_discounts(
    services: Sequence[Service], products: Mapping[int, Product] | None = None
) -> Mapping[int, pricing.Coupon]:
    """Return what `kept_discount` returns for services, by their ids.

    Args:
        services: the services.
        products: what services become, by their ids; the others stay as they are.
    """
    ids = [service.id for service in services]
    query = sa.select(OrderItem.service_id, OrderItem.discount).where(
        OrderItem.service_id.in_(ids), OrderItem.discount.is_not(None)
    )
    found = {row.service_id: row.discount for row in session().execute(query)}
    later = products or {}
    kept = {
        each.id: _kept(found.get(each.id), later.get(each.id, each.product), each.currency)
        for each in services
    }
    return {key: coupon for key, coupon in kept.items() if coupon is not None}


def _kept(
    discount: Mapping[str, Any] | None, product: Product, currency: str
) -> pricing.Coupon | None:
    if not discount or discount["cycles_left"] == 0:
        return None
    products = discount.get("products", [])
    if products and product.uuid not in products:
        return None
    percent, minor = discount.get("percent"), discount.get("amount_minor")
    return pricing.Coupon(
        code=discount["coupon"],
        percent=None if percent is None else Decimal(percent),
        amount=None if minor is None else Money(minor, currency),
        cycles=discount["cycles_left"],
    )


def reduced_price(service: Service) -> tuple[Money, str] | None:
    """Return what a service costs in its next period with its coupon, and the code of the coupon.

    Returns:
        None if no coupon reduces it.
    """
    coupon = kept_discount(service, service.product)
    if coupon is None:
        return None
    price = service.price
    off = coupon.amount or price.scaled(Fraction(coupon.percent or 0) / 100)
    left = max(price - off, Money.zero(service.currency))
    return (left, coupon.code) if left != price else None


def count_periods(service_ids: Sequence[int]) -> None:
    """Count a period in which the coupons of services were taken off; requires a transaction."""
    query = sa.select(OrderItem.id, OrderItem.discount).where(
        OrderItem.service_id.in_(service_ids), OrderItem.discount.is_not(None)
    )
    for key, discount in session().execute(query).all():
        if left := discount["cycles_left"]:
            changed = {**discount, "cycles_left": left - 1}
            write(sa.update(OrderItem).where(OrderItem.id == key).values(discount=changed))


def end_discount(service: Service) -> None:
    """End what a coupon takes off later periods of a service; a part of a change."""
    write(
        sa.update(OrderItem)
        .where(OrderItem.service_id == service.id, OrderItem.discount.is_not(None))
        .values(discount=None)
    )
