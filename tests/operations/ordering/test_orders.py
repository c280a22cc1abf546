"""Orders: services, document and order in one transaction, provisioned when they may be."""

from __future__ import annotations

import contextvars
import threading
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, PermissionDenied
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import CLIENT_KEYS
from puqpanel.domain.principals import CurrentClient, Principal, PrincipalKind
from puqpanel.infra.db import session, transaction
from puqpanel.models import Charge, Document, Order, Product, Service, Task
from puqpanel.operations.billing import companies, credit_notes, documents, payments
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import acceptance, cancellation, limits, orders
from puqpanel.operations.ordering.orders import PriceChangedError, Request
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.system import audit
from tests.operations.billing.conftest import STAFF, client, company, credit_of  # noqa: F401  # fixtures
from tests.operations.billing.test_issuing import problems


@pytest.fixture
def product(company: Any) -> Product:  # noqa: F811
    """A product for 10 euros a month, provisioned when it is paid."""
    made = products.save_product(actor=STAFF, uuid=None, name="VPS", price="10", currency="EUR")
    return products.find_product(made.uuid)


def change(product: Product, **values: Any) -> Product:
    with transaction():
        row = products.find_product(product.uuid)
        for name, value in values.items():
            setattr(row, name, value)
    return products.find_product(product.uuid)


def place(client: Any, *choices: Choice, token: str = "a", actor: Principal = STAFF, **more: Any):  # noqa: F811
    request = Request(client.uuid, choices, token, **more)
    return orders.place(actor=actor, request=request)


def tasks() -> list[str]:
    return list(session().scalars(sa.select(Task.subject_uuid).where(Task.job == "ProvisionJob")))


def test_an_order_makes_a_service_and_an_invoice(client, product):  # noqa: F811
    order = place(client, Choice(product, "monthly", name="www.example"))
    (item,) = order.items
    service, document = item.service, order.document
    assert (service.name, str(service.price), service.status) == (
        "www.example",
        "10.00 EUR",
        "pending",
    )
    assert (document.kind, str(document.total), document.status) == (
        "invoice",
        "12.30 EUR",
        "issued",
    )
    assert order.total == document.total
    (charge,) = session().scalars(sa.select(Charge))
    assert (charge.service_id, charge.kind, charge.period_end) == (
        service.id,
        "recurring",
        service.paid_until,
    )
    assert tasks() == []
    assert problems() == []


def test_the_timeline_of_an_order_begins_with_its_placing(client, product):  # noqa: F811
    order = place(client, Choice(product, "monthly"))
    cancellation.cancel(actor=STAFF, uuid=order.uuid, reason="Mistake")
    entries = [str(entry.summary) for entry in audit.timeline(STAFF, "order", order.uuid, 9)]
    assert entries[::-1] == [
        f"Order {order.id} placed, 12.30 EUR.",
        f"Order {order.id} cancelled: Mistake",
    ]


@pytest.mark.parametrize("first", ["invoice", "proforma"])
def test_a_paid_order_is_provisioned_once(client, product, company, first):  # noqa: F811
    values = {"proforma_first": first == "proforma"}
    companies.save_company(actor=STAFF, uuid=company.uuid, values=values)
    order = place(client, Choice(product, "monthly"))
    assert order.document.kind == first
    payments.mark_paid(actor=STAFF, document_uuid=order.document.uuid, reason="cash")
    assert tasks() == [order.items[0].service.uuid]
    orders.provision_paid(
        "invoice.paid",
        {
            "invoice_uuid": session().scalar(
                sa.select(Document.uuid).where(Document.kind == "invoice")
            )
        },
    )
    assert len(tasks()) == 1
    assert problems() == []


@pytest.mark.parametrize(("policy", "expected"), [("at_order", 1), ("by_hand", 0)])
def test_the_policy_decides_when_it_is_provisioned(client, product, policy, expected):  # noqa: F811
    product = change(product, provisioning=policy)
    order = place(client, Choice(product, "monthly"))
    assert len(tasks()) == expected
    payments.mark_paid(actor=STAFF, document_uuid=order.document.uuid, reason="cash")
    assert len(tasks()) == expected


def test_a_free_product_has_no_document_and_is_provisioned(client, company):  # noqa: F811
    made = products.save_product(actor=STAFF, uuid=None, name="Trial", price="0", currency="EUR")
    free = change(products.find_product(made.uuid), billing_mode="free")
    order = place(client, Choice(free, "monthly"))
    assert (order.document, order.total) == (None, Money.zero("EUR"))
    assert len(tasks()) == 1


def test_a_form_that_is_sent_twice_places_one_order(client, product):  # noqa: F811
    first = place(client, Choice(product, "monthly"))
    assert place(client, Choice(product, "monthly")).id == first.id
    assert session().scalar(sa.select(sa.func.count(Service.id))) == 1


def test_another_total_than_was_shown_orders_nothing(client, product):  # noqa: F811
    with pytest.raises(PriceChangedError, match="not placed"):
        place(client, Choice(product, "monthly"), expected=Money(999, "EUR"))
    place(client, Choice(product, "monthly"), expected=Money(1230, "EUR"))
    assert session().scalar(sa.select(sa.func.count(Order.id))) == 1


def test_the_last_in_stock_is_sold_once(panel, client, product):  # noqa: F811
    change(product, stock=1)
    results: list[str] = []
    barrier = threading.Barrier(8)

    def buy(at: int) -> None:
        with panel.app_context():
            barrier.wait()
            try:
                place(client, Choice(products.find_product(product.uuid), "monthly"), token=f"{at}")
                results.append("sold")
            except InvalidInput as error:
                results.append(str(error.errors["product"][0]))

    threads = [
        threading.Thread(target=contextvars.Context().run, args=(buy, at)) for at in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["VPS is sold out."] * 7 + ["sold"]
    session().rollback()  # a new snapshot
    assert products.find_product(product.uuid).stock == 0
    assert problems() == []


@pytest.mark.parametrize(
    ("choice", "field"),
    [({"period": "weekly"}, "period"), ({"options": {"disk": "1"}}, "disk")],
)
def test_what_is_not_sold_is_refused(client, product, choice, field):  # noqa: F811
    with pytest.raises(InvalidInput) as caught:
        place(client, replace(Choice(product, "monthly"), **choice))
    assert field in caught.value.errors
    assert session().scalar(sa.select(sa.func.count(Order.id))) == 0
    with pytest.raises(InvalidInput):
        place(client)


def test_users_order_for_their_own_client_only(client, product):  # noqa: F811
    own = CurrentClient(client.id, client.uuid, client.name)
    user = Principal(PrincipalKind.USER, 1, "Anna", permissions=CLIENT_KEYS, client=own)
    assert place(client, Choice(product, "monthly"), actor=user).placed_by == "Anna"
    other = replace(user, client=CurrentClient(client.id + 1, "another", "Other"))
    with pytest.raises(PermissionDenied):
        place(client, Choice(product, "monthly"), actor=other, token="b")
    weak = replace(user, permissions=frozenset({"orders.view"}))
    with pytest.raises(PermissionDenied):
        place(client, Choice(product, "monthly"), actor=weak, token="c")


def test_prices_that_change_later_do_not_change_what_was_sold(client, product):  # noqa: F811
    order = place(client, Choice(product, "monthly"))
    products.save_product(actor=STAFF, uuid=product.uuid, name="VPS", price="99", currency="EUR")
    session().expire_all()
    assert str(orders.find_order(order.uuid).items[0].service.price) == "10.00 EUR"
    assert str(documents.find_document(order.document.uuid).total) == "12.30 EUR"


def test_a_payment_and_a_reduction_together_provision(client, product):  # noqa: F811
    order = place(client, Choice(product, "monthly"))
    uuid = order.document.uuid
    payments.mark_paid(actor=STAFF, document_uuid=uuid, reason="cash", amount=Money(1000, "EUR"))
    credit_notes.credit(actor=STAFF, uuid=uuid, reason="late", amount=Money(230, "EUR"))
    assert len(tasks()) == 1
    assert problems() == []


def test_the_policy_of_the_order_decides(client, product):  # noqa: F811
    order = place(client, Choice(product, "monthly"))
    change(product, provisioning="by_hand")
    payments.mark_paid(actor=STAFF, document_uuid=order.document.uuid, reason="cash")
    assert len(tasks()) == 1


def test_a_period_is_free_once_all_of_it_is_credited(client, product):  # noqa: F811
    order = place(client, Choice(product, "monthly"))
    for amount, live in ((1, True), (None, None)):
        credit_notes.credit(
            actor=STAFF,
            uuid=order.document.uuid,
            reason="x",
            amount=None if amount is None else Money(amount, "EUR"),
        )
        session().expire_all()
        assert session().scalars(sa.select(Charge.live)).all() == [live]


@pytest.mark.parametrize("first", ["invoice", "proforma"])
@pytest.mark.parametrize("paid", [False, True])
def test_a_cancelled_order_takes_everything_back(client, product, company, first, paid):  # noqa: F811
    companies.save_company(
        actor=STAFF, uuid=company.uuid, values={"proforma_first": first == "proforma"}
    )
    change(product, stock=3, provisioning="by_hand")
    order = place(client, Choice(products.find_product(product.uuid), "monthly"))
    if paid:
        payments.mark_paid(actor=STAFF, document_uuid=order.document.uuid, reason="cash")
    cancellation.cancel(actor=STAFF, uuid=order.uuid, reason="Wrong plan")
    session().rollback()
    session().expire_all()
    found = orders.find_order(order.uuid)
    assert (found.status, found.items[0].service.status) == ("cancelled", "cancelled")
    assert products.find_product(product.uuid).stock == 3
    assert session().scalars(sa.select(Charge.id).where(Charge.live)).all() == []
    assert credit_of(client) == Money(1230 if paid else 0, "EUR")
    expected = {"invoice": "credited", "proforma": "paid" if paid else "cancelled"}
    assert documents.find_document(order.document.uuid).status == expected[first]
    with pytest.raises(ConflictError, match="already"):
        cancellation.cancel(actor=STAFF, uuid=order.uuid, reason="again")
    assert problems() == []


def test_an_order_that_was_provisioned_is_not_cancelled(client, product):  # noqa: F811
    order = place(client, Choice(product, "monthly"))
    with transaction():
        orders.find_order(order.uuid).items[0].service.provision_status = "processing"
    with pytest.raises(ConflictError, match="Terminate"):
        cancellation.cancel(actor=STAFF, uuid=order.uuid, reason="x")
    with pytest.raises(InvalidInput):
        cancellation.cancel(actor=STAFF, uuid=order.uuid, reason=" ")
    assert documents.find_document(order.document.uuid).status == "issued"


def test_a_refunded_order_is_not_provisioned(client, product):  # noqa: F811
    first, second = (place(client, Choice(product, "monthly"), token=token) for token in "ab")
    for order in (first, second):
        payments.mark_paid(
            actor=STAFF, document_uuid=order.document.uuid, reason="x", amount=Money(1000, "EUR")
        )
    credit_notes.credit(actor=STAFF, uuid=first.document.uuid, reason="Refund")
    cancellation.cancel(actor=STAFF, uuid=second.uuid, reason="Wrong plan")
    assert tasks() == []
    assert credit_of(client) == Money(2000, "EUR")
    assert problems() == []


def test_a_customer_does_not_collect_unpaid_orders(client, product, monkeypatch):  # noqa: F811
    monkeypatch.setattr(limits, "MAX_UNPAID", 2)
    own = CurrentClient(client.id, client.uuid, client.name)
    user = Principal(PrincipalKind.USER, 1, "Anna", permissions=CLIENT_KEYS, client=own)
    choice = Choice(product, "monthly")
    first = place(client, choice, token="1", actor=user)
    place(client, choice, token="2", actor=user)
    with pytest.raises(ConflictError, match="2 unpaid orders"):
        place(client, choice, token="3", actor=user)
    assert place(client, choice, token="1", actor=user).id == first.id  # the same form again
    place(client, choice, token="staff")
    payments.mark_paid(actor=STAFF, document_uuid=first.document.uuid, reason="cash")
    with pytest.raises(ConflictError):
        place(client, choice, token="4", actor=user)
    cancellation.cancel(
        actor=STAFF,
        uuid=session().scalars(sa.select(Order).where(Order.token == "2")).one().uuid,
        reason="x",
    )
    place(client, choice, token="5", actor=user)


@pytest.mark.parametrize("ending", ["cancelled", "fraud"])
def test_an_order_without_a_document_leaves_all_other_documents_alone(client, product, ending):  # noqa: F811
    paid = place(client, Choice(product, "monthly")).document
    free = change(product, billing_mode="free")
    order = place(client, Choice(free, "one_time"), token="b")
    assert (order.document, cancellation.documents_of(order)) == (None, ())
    end = cancellation.cancel if ending == "cancelled" else acceptance.mark_fraud
    end(actor=STAFF, uuid=order.uuid, reason="mistake")
    session().expire_all()
    assert session().get(Document, paid.id).status == "issued"
    assert session().scalar(sa.select(sa.func.count(Document.id))) == 1
