"""Orders that nobody pays are cancelled: stock and coupons are given back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import session, transaction
from puqpanel.models import CouponUse, Document, Order, Product, Service
from puqpanel.operations.automation import unpaid_orders
from puqpanel.operations.billing import companies, payments
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import coupons, orders
from puqpanel.operations.ordering.coupons import CouponValues
from puqpanel.operations.ordering.orders import Request
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.provisioning import requests
from puqpanel.operations.system import settings
from tests.operations.automation.unpaid import documents, run
from tests.operations.billing.conftest import STAFF, client, company  # noqa: F401
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.dated import at, sold


@pytest.fixture
def order(company: Any, client: Any) -> str:  # noqa: F811
    """The UUID of an order of 1 March with a coupon, of the only one in stock."""
    coupons.save_coupon(actor=STAFF, uuid=None, values=CouponValues("ONCE", percent=Decimal(20)))
    with at("2026-03-01"):
        product = sold("VPS", {"monthly": "10"}, stock=1)
        choice = Choice(products.find_product(product), "monthly")
        request = Request(client.uuid, [choice], product, coupon="ONCE")
        return str(orders.place(actor=STAFF, request=request).uuid)


def status() -> tuple[str, str]:
    session().rollback()
    query = sa.select(Order.status, Service.status).join(Service, sa.true())
    row = session().execute(query).one()
    return row[0], row[1]


@pytest.mark.parametrize("proforma", [False, True])
def test_an_order_is_cancelled_after_30_days(
    company: Any,  # noqa: F811
    request: pytest.FixtureRequest,
    proforma: bool,
) -> None:
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"proforma_first": proforma})
    request.getfixturevalue("order")
    with at("2026-03-30"):
        assert "cancel" not in run()
        assert status() == ("placed", "pending")
    with at("2026-03-31"):
        assert run() == {"cancel": 1}
        assert run() == {}
    assert status() == ("cancelled", "cancelled")
    assert documents()[0].status == ("cancelled" if proforma else "credited")
    assert session().scalars(sa.select(Product.stock)).one() == 1
    assert session().scalars(sa.select(CouponUse)).all() == []
    assert problems() == []


def test_what_was_paid_or_provisioned_stays(order: str) -> None:
    with at("2026-04-30"):
        (found,) = unpaid_orders.due()
        document = session().scalars(sa.select(Document)).one()
        payments.mark_paid(actor=STAFF, document_uuid=document.uuid, reason="cash")
        assert not unpaid_orders.cancel(found)
        assert unpaid_orders.due() == []
    assert status() == ("placed", "pending")


def test_a_provisioned_order_stays(order: str) -> None:
    with at("2026-03-02"):
        service = session().scalars(sa.select(Service)).one()
        requests.request(actor=STAFF, service_uuid=service.uuid, verb="create")
    with at("2026-05-30"):
        assert unpaid_orders.due() == []


def test_0_days_cancel_none(order: str) -> None:
    settings.save(actor=STAFF, values={"automation.cancel_orders_days": 0})
    with at("2026-12-30"):
        assert unpaid_orders.due() == []
    with transaction():
        session().execute(sa.update(Order).values(status="offered"))
    settings.save(actor=STAFF, values={"automation.cancel_orders_days": 1})
    with at("2026-12-30"):
        assert unpaid_orders.due() == []
