"""Coupons: valid for whom and when, counted once for each order, and given back."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, PermissionDenied
from puqpanel.domain.permissions import CLIENT_KEYS
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.infra.db import session
from puqpanel.models import Coupon, CouponUse, Order
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import companies, credit_notes, payments
from puqpanel.operations.billing.ledger import today
from puqpanel.operations.catalog import prices, products
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.ordering import acceptance, cancellation, coupons
from puqpanel.operations.ordering.coupons import CouponValues, valid_coupon
from puqpanel.operations.ordering.orders import Request
from puqpanel.operations.ordering.quotes import Choice, price_choices
from puqpanel.operations.system import currencies
from tests.operations.billing.conftest import STAFF, client, company  # noqa: F401  # fixtures
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.dated import at, buy, sold
from tests.operations.ordering.test_orders import orders, product, tasks  # noqa: F401

TEN = CouponValues("TEN", percent=Decimal(10))


def make(values: CouponValues = TEN) -> Coupon:
    return coupons.save_coupon(actor=STAFF, uuid=None, values=values)


def place(client, product, token="a", code="ten", **more):  # noqa: F811
    choice = Choice(product, "monthly")
    request = Request(client.uuid, [choice], token, coupon=code, **more)
    return orders.place(actor=STAFF, request=request)


def uses(code: str = "TEN") -> tuple[int, int]:
    """Return the counter of a coupon and the number of its rows."""
    session().rollback()
    session().expire_all()
    row = session().scalars(sa.select(Coupon).where(Coupon.code == code)).one()
    rows = sa.select(sa.func.count(CouponUse.id)).where(CouponUse.coupon_id == row.id)
    return row.uses, session().scalar(rows) or 0


def test_the_discount_is_a_line_everywhere(client, product):  # noqa: F811
    make()
    order = place(client, product)
    assert str(order.total) == "11.07 EUR"
    assert [(line["label"], line["net_minor"]) for line in order.quote] == [
        ("VPS", 1000),
        ("TEN", -100),
    ]
    lines = [(row.description, row.amount_minor) for row in order.document.lines]
    assert lines == [("VPS", 1000), ("Coupon TEN", -100)]
    assert str(order.items[0].service.price) == "10.00 EUR"
    assert order.items[0].discount is None
    assert uses() == (1, 1)
    assert problems() == []


@pytest.mark.parametrize(("day", "after"), [("25", 20), ("30", 20), ("29", None)])
def test_an_amount_off_every_period_is_the_one_that_is_shown(client, company, day, after):  # noqa: F811
    """10.00 off all periods of 20.00, also if the first has a few days: 12.30 with tax."""
    fixed = sold("A", {"monthly": "20"}, anchor_day=1, next_after=after)
    values = CouponValues("AMOUNT", amount=Decimal(10), currency="EUR", cycles=None)
    coupon = make(values)
    with at(f"2026-03-{day}"):
        choice = Choice(products.find_product(fixed), "monthly")
        quote = price_choices(company, client, [choice], coupon).quote
        (item,) = buy(client, fixed, coupon="AMOUNT").items
    assert [str(amount) for _period, amount in quote.regular] == ["12.30 EUR"]
    assert item.discount["amount_minor"] == 1000


def test_an_order_whose_invoice_was_credited_by_amount_is_cancelled(client, product):  # noqa: F811
    make()
    order = place(client, product)
    document = order.document
    credit_notes.credit(actor=STAFF, uuid=document.uuid, reason="x", amount=document.total)
    cancellation.cancel(actor=STAFF, uuid=order.uuid, reason="Mistake")
    session().expire_all()
    assert order.status == "cancelled"
    assert problems() == []


def test_a_coupon_of_three_uses_and_ten_threads(panel, client, product):  # noqa: F811
    make(replace(TEN, max_uses=3))
    buyers = [
        clients.create_client(actor=STAFF, name=f"Buyer {n}", email=f"b{n}@example.test")
        for n in range(10)
    ]
    uuids, results = [each.uuid for each in buyers], []
    barrier = threading.Barrier(10)

    def buy(at: int) -> None:
        with panel.app_context():
            barrier.wait()
            try:
                buyer = clients.find_client(uuids[at])
                place(buyer, products.find_product(product.uuid), token=f"t{at}")
                results.append("ordered")
            except InvalidInput as error:
                results.append(error.errors["coupon"][0])

    threads = [threading.Thread(target=buy, args=(at,)) for at in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["This coupon has been used up."] * 7 + ["ordered"] * 3
    assert uses() == (3, 3)
    assert session().scalar(sa.select(sa.func.count(Order.id))) == 3


def test_a_client_uses_it_once_even_at_the_same_time(panel, client, product):  # noqa: F811
    make(replace(TEN, once_per_client=True))
    results: list[str] = []
    barrier = threading.Barrier(6)

    def buy(at: int) -> None:
        with panel.app_context():
            barrier.wait()
            try:
                place(client, products.find_product(product.uuid), token=f"t{at}")
                results.append("ordered")
            except InvalidInput as error:
                results.append(error.errors["coupon"][0])

    threads = [threading.Thread(target=buy, args=(at,)) for at in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count("ordered") == 1
    assert set(results) == {"ordered", "You have used this coupon already."}
    assert uses() == (1, 1)


def test_an_unpaid_order_gives_it_back_and_a_paid_one_does_not(client, product):  # noqa: F811
    make(replace(TEN, once_per_client=True, max_uses=1))
    order = place(client, product)
    with pytest.raises(InvalidInput, match="used up"):
        place(client, product, token="b")
    cancellation.cancel(actor=STAFF, uuid=order.uuid, reason="Wrong product")
    assert uses() == (0, 0)
    order = place(client, product, token="c")
    payments.mark_paid(actor=STAFF, document_uuid=order.document.uuid, reason="cash")
    cancellation.cancel(actor=STAFF, uuid=order.uuid, reason="Wrong product")
    assert uses() == (1, 1)
    assert problems() == []


@pytest.mark.parametrize("paid", [False, True])
def test_an_unpaid_fraudulent_order_gives_it_back(client, product, paid):  # noqa: F811
    make()
    order = place(client, product)
    if paid:
        payments.mark_paid(actor=STAFF, document_uuid=order.document.uuid, reason="cash")
    acceptance.mark_fraud(actor=STAFF, uuid=order.uuid, reason="Stolen card")
    assert uses() == ((1, 1) if paid else (0, 0))


def test_a_failed_order_counts_nothing(client, product):  # noqa: F811
    make()
    with pytest.raises(ConflictError):
        place(client, product, expected=orders.Money(1, "EUR"))
    assert uses() == (0, 0)


def test_an_order_reduced_to_nothing_is_provisioned(client, product, company):  # noqa: F811
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"proforma_first": True})
    make(replace(TEN, percent=Decimal(100)))
    order = place(client, product)
    assert (str(order.total), order.document.kind) == ("0.00 EUR", "invoice")
    assert order.document.status == "paid"
    assert tasks() == [order.items[0].service.uuid]
    assert problems() == []
    cancellation.cancel(actor=STAFF, uuid=order.uuid, reason="Wrong product")
    assert uses() == (0, 0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"cycles": 1}, None),
        ({"cycles": 3}, {"coupon": "TEN", "cycles_left": 2, "percent": "10"}),
        ({"cycles": None}, {"coupon": "TEN", "cycles_left": None, "percent": "10"}),
        (
            {"cycles": 2, "percent": None, "amount": Decimal(3), "currency": "EUR"},
            {"coupon": "TEN", "cycles_left": 1, "amount_minor": 300},
        ),
    ],
)
def test_what_is_left_for_renewals_is_kept(client, product, values, expected):  # noqa: F811
    make(replace(TEN, **values))
    order = place(client, product)
    session().expire_all()
    assert order.items[0].discount == expected


def test_setup_fees_are_reduced_only_if_the_coupon_says_so(client, product):  # noqa: F811
    cell = Cell("monthly", "EUR", setup="20", recurring="10")
    prices.save_prices(actor=STAFF, product_uuid=product.uuid, cells=[cell])
    made = make()
    assert str(place(client, product).total) == "35.67 EUR"
    coupons.save_coupon(actor=STAFF, uuid=made.uuid, values=replace(TEN, setup=True))
    assert str(place(client, product, token="b").total) == "33.21 EUR"


def test_when_and_for_whom_it_is_valid(client, product, company):  # noqa: F811
    day = today(company)
    one = timedelta(days=1)
    made = make(replace(TEN, valid_from=day, valid_until=day))
    assert valid_coupon(" ten ", client, day).id == made.id
    for when, message in ((day - one, "not valid yet"), (day + one, "expired")):
        with pytest.raises(InvalidInput, match=message):
            valid_coupon("TEN", client, when)
    for code in ("", "NONE", "x" * 500, "%", "TEN\x00"):
        with pytest.raises(InvalidInput, match="not valid"):
            valid_coupon(code, client, day)
    other = replace(TEN, percent=None, amount=Decimal(5), currency="USD")
    currencies.add_currency(actor=STAFF, code="USD")
    coupons.save_coupon(actor=STAFF, uuid=made.uuid, values=other)
    with pytest.raises(InvalidInput, match="USD only"):
        valid_coupon("TEN", client, day)
    web = products.save_product(actor=STAFF, uuid=None, name="Web", price="5", currency="EUR")
    only = replace(TEN, products=(web.uuid,))
    coupons.save_coupon(actor=STAFF, uuid=made.uuid, values=only)
    with pytest.raises(InvalidInput, match="these products"):
        place(client, product)
    coupons.end_coupon(actor=STAFF, uuid=made.uuid)
    with pytest.raises(InvalidInput, match="not valid"):
        place(client, web)
    with pytest.raises(ConflictError):
        coupons.end_coupon(actor=STAFF, uuid=made.uuid)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"code": "a b"}, "code"),
        ({"code": "Ä"}, "code"),
        ({"percent": None}, "percent"),
        ({"percent": Decimal(0)}, "percent"),
        ({"percent": Decimal("100.01")}, "percent"),
        ({"percent": Decimal("0.00001")}, "percent"),
        ({"amount": Decimal(1), "currency": "EUR"}, "percent"),
        ({"percent": None, "amount": Decimal(-1), "currency": "EUR"}, "amount"),
        ({"percent": None, "amount": Decimal(1), "currency": "XXX"}, "currency"),
        ({"cycles": 0}, "cycles"),
        ({"max_uses": 0}, "max_uses"),
        ({"products": ("none",)}, "products"),
        ({"valid_from": date(2026, 5, 2), "valid_until": date(2026, 5, 1)}, "valid_until"),
    ],
)
def test_a_wrong_coupon_is_refused_at_its_field(client, values, field):  # noqa: F811
    with pytest.raises(InvalidInput) as error:
        make(replace(TEN, **values))
    assert set(error.value.errors) == {field}


def test_a_code_is_unique_and_fixed(client):  # noqa: F811
    made = make()
    with pytest.raises(InvalidInput) as error:
        make(replace(TEN, code="ten"))
    assert "code" in error.value.errors
    with pytest.raises(InvalidInput):
        coupons.save_coupon(actor=STAFF, uuid=made.uuid, values=replace(TEN, code="ELEVEN"))
    user = Principal(PrincipalKind.USER, 1, "User", permissions=CLIENT_KEYS)
    with pytest.raises(PermissionDenied):
        coupons.save_coupon(actor=user, uuid=None, values=replace(TEN, code="MINE"))
