"""Uses of coupons: counted with the order, and given back if it is cancelled unpaid."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from puqpanel.domain import pricing
from puqpanel.domain.pricing import Quote
from puqpanel.infra.db import save, session, write
from puqpanel.models import Coupon, CouponUse, Order
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
    if coupon.percent is not None:
        return discount | {"percent": format(coupon.percent, "f")}
    return discount | {"amount_minor": amount.minor}
