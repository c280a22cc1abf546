"""Coupons of drafts and offers: counted once, given back, and kept as they were offered."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.infra.db import transaction
from puqpanel.models import Offer, Order
from puqpanel.operations.ordering import coupons, drafts, offer_answers, offers
from tests.operations.billing.conftest import STAFF, client, company  # noqa: F401  # fixtures
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.test_coupons import TEN, make, uses
from tests.operations.ordering.test_coupons import place as order_in_shop
from tests.operations.ordering.test_drafts import count, draft  # noqa: F401  # fixture
from tests.operations.ordering.test_offers import accept, in_days
from tests.operations.ordering.test_orders import product  # noqa: F401  # fixture


def use(draft: Order, code: str = "ten") -> None:  # noqa: F811
    drafts.set_coupon(actor=STAFF, uuid=draft.uuid, code=code)


def send(draft: Order) -> Any:  # noqa: F811
    return offers.send(actor=STAFF, uuid=draft.uuid, expires_on=in_days(7))


def test_a_placed_draft_uses_its_coupon(draft):  # noqa: F811
    make(replace(TEN, cycles=None))
    use(draft)
    assert uses() == (0, 0)
    assert str(drafts.price_all(draft).quote.total) == "11.07 EUR"
    order = drafts.place(actor=STAFF, uuid=draft.uuid)
    assert (str(order.total), order.coupon) == ("11.07 EUR", "")
    discount = order.items[0].discount
    assert discount is not None and (discount["coupon"], discount["percent"]) == ("TEN", "10")
    assert uses() == (1, 1)
    assert problems() == []


@pytest.mark.parametrize("code", ["NONE", "OTHER"])
def test_a_coupon_that_does_not_apply_is_not_set(draft, code):  # noqa: F811
    coupon = make(replace(TEN, code="OTHER"))
    with transaction():
        coupon.products = [draft.uuid]  # of another product
    with pytest.raises(InvalidInput) as caught:
        use(draft, code)
    assert "coupon" in caught.value.messages
    assert drafts.find_order(draft.uuid).coupon == ""


def test_a_coupon_that_ended_meanwhile_keeps_a_draft_from_being_placed(draft):  # noqa: F811
    coupon = make()
    use(draft)
    coupons.end_coupon(actor=STAFF, uuid=coupon.uuid)
    with pytest.raises(InvalidInput):
        drafts.place(actor=STAFF, uuid=draft.uuid)
    use(draft, "")
    assert str(drafts.place(actor=STAFF, uuid=draft.uuid).total) == "12.30 EUR"


def test_an_offer_keeps_the_last_use_and_its_discount(client, product, draft):  # noqa: F811
    coupon = make(replace(TEN, max_uses=1, cycles=3))
    use(draft)
    sent = send(draft)
    assert (str(sent.offer.total), uses()) == ("11.07 EUR", (1, 1))
    assert str(drafts.price_all(sent.offer.order).quote.total) == "11.07 EUR"
    with pytest.raises(InvalidInput):
        order_in_shop(client, product)
    coupons.save_coupon(
        actor=STAFF, uuid=coupon.uuid, values=replace(TEN, percent=Decimal(50), max_uses=1)
    )
    coupons.end_coupon(actor=STAFF, uuid=coupon.uuid)
    order = accept(sent)
    assert str(order.total) == "11.07 EUR"
    assert order.items[0].discount == {"coupon": "TEN", "cycles_left": 2, "percent": "10"}
    assert uses() == (1, 1)
    assert problems() == []


def test_an_amount_for_some_products_is_kept_too(product, draft):  # noqa: F811
    values = replace(TEN, percent=None, amount=Decimal(4), currency="EUR")
    make(replace(values, products=(product.uuid,)))
    use(draft)
    assert str(accept(send(draft)).total) == "7.38 EUR"


def test_a_use_is_given_back_with_the_offer(client, product, draft):  # noqa: F811
    make(replace(TEN, max_uses=1))
    use(draft)
    send(draft)
    with pytest.raises(ConflictError):
        use(draft, "")
    offers.withdraw(actor=STAFF, uuid=draft.uuid)
    assert uses() == (0, 0)
    sent = send(draft)
    offer_answers.decline_link(token=sent.token, name="Anna", reason="", ip="192.0.2.7")
    assert uses() == (0, 0)
    order_in_shop(client, product)
    with pytest.raises(InvalidInput):
        send(draft)
    assert count(Offer) == 2
