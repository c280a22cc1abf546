"""Carts: one of a client, changed by one at a time, ordered once, and deleted when they expire."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import Cart
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import carts
from puqpanel.operations.ordering.cart_prices import price_cart
from puqpanel.operations.ordering.carts import CartItem, Shopper
from puqpanel.operations.ordering.orders import Request
from tests.operations.billing.conftest import STAFF, client, company  # noqa: F401  # fixtures
from tests.operations.ordering.test_orders import change, orders, product  # noqa: F401

VISITOR = Shopper(token="a-random-token")


def count() -> int:
    return session().scalar(sa.select(sa.func.count(Cart.id))) or 0


def test_adds_from_ten_windows_are_all_kept(panel, client, product):  # noqa: F811
    who = Shopper(client.id)
    carts.put(who, CartItem(product.uuid, "monthly"))
    barrier = threading.Barrier(10)
    errors: list[Exception] = []

    def run() -> None:
        with panel.app_context():
            barrier.wait()
            try:
                carts.put(who, CartItem(product.uuid, "monthly"))
            except Exception as error:  # collected for the assertion
                errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    session().rollback()
    session().expire_all()
    assert errors == []
    assert carts.size_of(who) == 11


def test_the_same_choice_is_one_line_and_others_are_not(client, product):  # noqa: F811
    for period in ("monthly", "monthly", "annually"):
        carts.put(VISITOR, CartItem(product.uuid, period))
    items = carts.items_of(carts.find_cart(VISITOR))
    assert [(item.period, item.quantity) for item in items] == [("monthly", 2), ("annually", 1)]
    carts.put(VISITOR, replace(items[1], period="monthly", options={"disk": "1"}))
    assert [item.period for item in carts.items_of(carts.find_cart(VISITOR))] == ["monthly"] * 2
    with pytest.raises(InvalidInput):
        carts.change(VISITOR, items[0].key, quantity=50)
    with pytest.raises(NotFoundError):
        carts.change(VISITOR, "none", quantity=1)
    with pytest.raises(NotFoundError):
        carts.remove(Shopper(), items[0].key)


def test_a_visitors_token_never_opens_the_cart_of_a_client(client, product):  # noqa: F811
    carts.put(VISITOR, CartItem(product.uuid, "monthly"))
    carts.claim(client_id=client.id, token=VISITOR.token)
    assert carts.size_of(VISITOR) == 0
    assert carts.size_of(Shopper(client.id)) == 1
    carts.claim(client_id=client.id + 1, token=VISITOR.token)
    assert carts.size_of(Shopper(client.id)) == 1


def test_a_claim_brings_no_more_than_fits(client, product):  # noqa: F811
    carts.put(Shopper(client.id), CartItem(product.uuid, "monthly", quantity=45))
    carts.put(VISITOR, CartItem(product.uuid, "annually", quantity=4))
    carts.put(VISITOR, CartItem(product.uuid, "quarterly", quantity=4))
    carts.claim(client_id=client.id, token=VISITOR.token)
    assert carts.size_of(Shopper(client.id)) == 49
    assert count() == 1


def test_expired_carts_are_empty_and_pruned(client, product):  # noqa: F811
    carts.put(VISITOR, CartItem(product.uuid, "monthly"))
    carts.put(Shopper(client.id), CartItem(product.uuid, "monthly"))
    with transaction():
        row = carts.find_cart(VISITOR)
        row.expires_at = now() - timedelta(seconds=1)
    assert carts.find_cart(VISITOR) is None
    carts.put(VISITOR, CartItem(product.uuid, "annually"))
    assert [item.period for item in carts.items_of(carts.find_cart(VISITOR))] == ["annually"]
    assert carts.prune() == 0
    with transaction():
        row = carts.find_cart(VISITOR)
        row.expires_at = now() - timedelta(seconds=1)
    assert (carts.prune(), count()) == (1, 1)


def test_an_expired_cart_does_not_come_back_with_a_visitors(client, product):  # noqa: F811
    carts.put(Shopper(client.id), CartItem(product.uuid, "monthly", quantity=49))
    with transaction():
        carts.find_cart(Shopper(client.id)).expires_at = now() - timedelta(seconds=1)
    carts.put(VISITOR, CartItem(product.uuid, "annually", quantity=2))
    carts.claim(client_id=client.id, token=VISITOR.token)
    assert (carts.size_of(Shopper(client.id)), count()) == (2, 1)


def test_a_cart_that_was_changed_is_not_ordered(client, product):  # noqa: F811
    who = Shopper(client.id)
    carts.put(who, CartItem(product.uuid, "monthly"))
    shown = carts.find_cart(who)
    session().expunge(shown)
    priced = price_cart(shown, client)
    request = Request(client.uuid, priced.choices, shown.uuid, cart=shown)
    carts.put(who, CartItem(product.uuid, "monthly"))
    with pytest.raises(ConflictError, match="another window"):
        orders.place(actor=STAFF, request=request)
    session().expire_all()
    shown = carts.find_cart(who)
    priced = price_cart(shown, client)
    order = orders.place(
        actor=STAFF, request=Request(client.uuid, priced.choices, shown.uuid, cart=shown)
    )
    assert (len(order.items), count()) == (2, 0)
    assert order.total == priced.quote.total


def test_each_problem_is_said_at_its_line(client, product):  # noqa: F811
    who = Shopper(client.id)
    other = products.save_product(actor=STAFF, uuid=None, name="Web", price="5", currency="EUR")
    carts.put(who, CartItem(product.uuid, "monthly", options={"gone": "1"}))
    carts.put(who, CartItem(other.uuid, "monthly", quantity=2))
    priced = price_cart(carts.find_cart(who), client)
    assert "no option" in str(priced.lines[0].problem)
    assert (priced.lines[1].problem, str(priced.lines[1].amount)) == ("", "10.00 EUR")
    assert not priced.ready and str(priced.quote.total) == "12.30 EUR"
    change(product, active=False)
    priced = price_cart(carts.find_cart(who), client)
    assert priced.removed == ("VPS",) and priced.ready
