"""Services that are cancelled before they were provisioned leave nothing to pay for them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.money import Money
from puqpanel.infra.db import session
from puqpanel.models import Charge, Document, Order
from puqpanel.operations.billing import companies, payments
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import cancellation, endings, orders
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.provisioning import requests, services
from tests.operations.billing.conftest import STAFF, client, company, credit_of  # noqa: F401  # fixtures
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.test_endings import fresh, user_of
from tests.operations.ordering.test_orders import change, place, product, tasks  # noqa: F401  # fixture
from tests.operations.provisioning.provider_file import work


@pytest.fixture
def two(client: Any, company: Any, product: Any) -> Order:  # noqa: F811
    """An order of two services with a proforma of 24.60 euros."""
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"proforma_first": True})
    change(product, stock=2)
    sold = products.find_product(product.uuid)
    order = place(client, Choice(sold, "monthly"), Choice(sold, "monthly"))
    assert order.document.total == Money(2460, "EUR")
    return order


def cancel(client: Any, uuid: str) -> None:  # noqa: F811
    endings.request(actor=user_of(client), service_uuid=uuid, at_once=True, reason="")


def found(order: Order) -> Order:
    session().rollback()
    session().expire_all()
    return orders.find_order(order.uuid)


def documents_() -> list[tuple[str, str, int]]:
    query = sa.select(Document).order_by(Document.id)
    return [(each.kind, each.status, each.total.minor) for each in session().scalars(query)]


def stock_of(product: Any) -> int | None:  # noqa: F811
    return products.find_product(product.uuid).stock


def test_a_proforma_is_replaced_by_one_for_the_other_service(client, product, two):  # noqa: F811
    one, other = (item.service.uuid for item in two.items)
    cancel(client, one)
    order = found(two)
    assert documents_() == [("proforma", "cancelled", 2460), ("proforma", "issued", 1230)]
    assert (order.status, order.document.total.minor, stock_of(product)) == ("placed", 1230, 1)
    payments.mark_paid(actor=STAFF, document_uuid=order.document.uuid, reason="cash")
    assert tasks() == [other]
    assert [row.service_id for row in session().scalars(sa.select(Charge))] == [
        fresh(other).id,
    ]
    assert problems() == []


def test_nothing_is_left_to_pay_once_all_services_are_cancelled(client, product, two):  # noqa: F811
    for item in two.items:
        cancel(client, item.service.uuid)
    assert documents_() == [("proforma", "cancelled", 2460), ("proforma", "cancelled", 1230)]
    assert (found(two).status, stock_of(product)) == ("cancelled", 2)
    assert problems() == []


def test_an_order_of_which_a_service_was_cancelled_can_be_cancelled(client, product, two):  # noqa: F811
    cancel(client, two.items[0].service.uuid)
    cancellation.cancel(actor=STAFF, uuid=two.uuid, reason="Mistake")
    assert {fresh(item.service.uuid).status for item in two.items} == {"cancelled"}
    assert documents_() == [("proforma", "cancelled", 2460), ("proforma", "cancelled", 1230)]
    assert (found(two).status, stock_of(product)) == ("cancelled", 2)


def test_a_free_service_that_is_left_is_provisioned(client, company, product):  # noqa: F811
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"proforma_first": True})
    made = products.save_product(actor=STAFF, uuid=None, name="Trial", price="0", currency="EUR")
    choices = [Choice(products.find_product(each.uuid), "monthly") for each in (product, made)]
    order = place(client, *choices)
    cancel(client, order.items[0].service.uuid)
    assert documents_() == [("proforma", "cancelled", 1230), ("invoice", "paid", 0)]
    assert tasks() == [order.items[1].service.uuid]
    assert problems() == []


@pytest.mark.parametrize("paid", [False, True])
def test_staff_cancel_a_service_as_its_client_does(client, product, paid):  # noqa: F811
    change(product, stock=1, provisioning="by_hand")
    order = place(client, Choice(products.find_product(product.uuid), "monthly"))
    if paid:
        payments.mark_paid(actor=STAFF, document_uuid=order.document.uuid, reason="cash")
    uuid = order.items[0].service.uuid
    requests.request(actor=STAFF, service_uuid=uuid, verb="cancellation")
    assert (fresh(uuid).status, stock_of(product)) == ("cancelled", 1)
    work()
    work()
    assert (found(order).status, fresh(uuid).paid_until) == ("cancelled", None)
    assert documents_()[0] == ("invoice", "credited", 1230)
    assert credit_of(client) == Money(1230 if paid else 0, "EUR")
    assert stock_of(product) == 1
    assert problems() == []


def test_staff_cancel_one_of_two_services(client, product, two):  # noqa: F811
    requests.request(actor=STAFF, service_uuid=two.items[0].service.uuid, verb="cancellation")
    work()
    assert documents_() == [("proforma", "cancelled", 2460), ("proforma", "issued", 1230)]
    cancellation.cancel(actor=STAFF, uuid=two.uuid, reason="Mistake")
    assert (found(two).status, stock_of(product)) == ("cancelled", 2)


def test_a_service_without_an_order_took_nothing_from_stock(client, product):  # noqa: F811
    change(product, stock=1)
    created = services.create_service(
        actor=STAFF, client_uuid=client.uuid, product_uuid=product.uuid, name="www"
    )
    requests.request(actor=STAFF, service_uuid=created.uuid, verb="cancellation")
    work()
    assert (fresh(created.uuid).status, stock_of(product)) == ("cancelled", 1)
