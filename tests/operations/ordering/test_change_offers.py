"""What a change keeps of the order: its coupon; and which products and options it offers."""

from __future__ import annotations

from decimal import Decimal

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.money import Money
from puqpanel.infra.db import session, transaction
from puqpanel.models import OrderItem
from puqpanel.operations.catalog import groups, options, products
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.ordering import coupons, plans
from puqpanel.operations.ordering import shop as shelves
from puqpanel.operations.ordering.coupons import CouponValues
from puqpanel.operations.ordering.plans import Target
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.provisioning import requests
from tests.operations.billing.conftest import STAFF, client, company  # noqa: F401  # fixtures
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.test_changes import Shop, pay, shop  # noqa: F401
from tests.operations.ordering.test_endings import user_of
from tests.operations.ordering.test_orders import place


def discount(uuid: str) -> object:
    session().expire_all()
    items = sa.select(OrderItem)
    return next(row.discount for row in session().scalars(items) if row.service.uuid == uuid)


@pytest.mark.parametrize("only", [(), ("7",)])
def test_a_coupon_for_all_periods_stays_with_a_product_that_it_is_valid_for(shop, client, only):  # noqa: F811
    values = CouponValues(
        "HALF",
        percent=Decimal(50),
        cycles=None,
        products=tuple(shop.products[name] for name in only),
    )
    coupons.save_coupon(actor=STAFF, uuid=None, values=values)
    choice = Choice(products.find_product(shop.products["7"]), "weekly")
    order = place(client, choice, token="half", coupon="half")
    pay(order.document.uuid)
    uuid = order.items[0].service.uuid
    requests.request(actor=STAFF, service_uuid=uuid, verb="create")
    other = Shop(uuid, shop.products)
    target = Target(products.find_product(shop.products["14"]), "weekly")
    quote = plans.plan(STAFF, other.service, target).settlement.quote
    weekly = Decimal(14 if only else 7)
    assert quote.net.major == weekly - Decimal("3.5")
    assert quote.regular[0][1].major == weekly * Decimal("1.23")
    change = other.request("14", token="change", expected=quote.total)
    named = [row.description for row in change.document.lines]
    assert ("Coupon HALF" in named) is not bool(only)
    assert discount(uuid) is not None
    pay(change.document.uuid)
    assert (discount(uuid) is None) is bool(only)
    assert str(other.service.price) == "14.00 EUR"
    assert problems() == []


@pytest.mark.parametrize(
    ("values", "up", "down"),
    [
        ({"percent": Decimal(20)}, "11.20", "-5.60"),
        ({"amount": Decimal("1.40"), "currency": "EUR"}, "14", "-7"),
    ],
)
def test_a_coupon_of_the_first_period_is_kept_by_a_change_in_it(shop, client, values, up, down):  # noqa: F811
    coupons.save_coupon(actor=STAFF, uuid=None, values=CouponValues("ONCE", **values))
    choice = Choice(products.find_product(shop.products["14"]), "weekly")
    order = place(client, choice, token="once", coupon="once")
    pay(order.document.uuid)
    uuid = order.items[0].service.uuid
    requests.request(actor=STAFF, service_uuid=uuid, verb="create")
    for name, net, effect in (("28", up, "when_paid"), ("7", down, "later")):
        target = Target(products.find_product(shop.products[name]), "weekly")
        found = plans.plan(STAFF, Shop(uuid, shop.products).service, target).settlement
        assert (found.quote.net.major, found.effect) == (Decimal(net), effect)
        assert found.quote.regular[0][1].major == Decimal(name) * Decimal("1.23")


def test_a_default_option_without_a_price_does_not_keep_others_from_changing(shop):  # noqa: F811
    size = options.save_option_group(actor=STAFF, uuid=None, key="size", label="Size")
    for at, (key, price) in enumerate((("small", ""), ("big", "7"), ("bigger", "14"))):
        option = options.save_option(
            actor=STAFF, group_uuid=size.uuid, uuid=None, key=key, label=key, position=at
        )
        if price:
            cells = [Cell("weekly", "EUR", "0", price)]
            options.save_option_prices(actor=STAFF, option_uuid=option.uuid, cells=cells)
    options.assign_option_groups(
        actor=STAFF, product_uuid=shop.products["7"], group_uuids=[size.uuid]
    )
    pay(shop.request("7", options={"size": "big"}, token="big").document.uuid)
    with pytest.raises(InvalidInput, match="invalid"):
        shop.request("7", options={"size": "big"}, token="same")
    change = shop.request("7", options={"size": "bigger"}, token="bigger")
    assert change.document.net == Money(700, "EUR")


@pytest.mark.parametrize("level", ["group", "parent"])
def test_products_of_hidden_groups_are_for_staff(shop, client, level):  # noqa: F811
    top = groups.save_group(actor=STAFF, uuid=None, name="Internal", hidden=level == "parent")
    inner = groups.save_group(
        actor=STAFF, uuid=None, name="Trial", parent_uuid=top.uuid, hidden=level == "group"
    )
    with transaction():
        for name in ("7", "14"):
            products.find_product(shop.products[name]).group_id = inner.id
    user = user_of(client)
    for actor, offered in ((user, ["VPS 7"]), (STAFF, ["VPS 7", "VPS 14"])):
        assert [each.name for each in plans.products_for(actor, shop.service)] == offered
    with pytest.raises(InvalidInput):
        shop.request("14", actor=user)
    shown = [offer.product.name for shelf in shelves.shelves("EUR") for offer in shelf.offers]
    assert shown == ["VPS 21", "VPS 28"]
