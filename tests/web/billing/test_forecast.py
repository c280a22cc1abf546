"""The billing calendar of customers, and the forecast of staff."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.clock import now
from puqpanel.infra.db import transaction
from puqpanel.models import ConfiguredModule, PaymentMethod
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.automation import renewals
from puqpanel.operations.billing import companies, taxes
from puqpanel.operations.ordering import coupons
from puqpanel.operations.ordering.coupons import CouponValues
from puqpanel.operations.system import settings
from tests.conftest import STAFF
from tests.operations.ordering.dated import buy, sold
from tests.web.conftest import Browser

EUR = "\N{NO-BREAK SPACE}€"


@pytest.fixture
def sale(app: Panel, shop: dict[str, str]) -> Callable[..., str]:
    """Sell a service to the client of the shop."""
    with app.app_context():
        taxes.load_eu_rates(actor=AUTOMATION)
        values = {"name": "Fjordhost", "country": "PL", "street": "ul. Morska 14"}
        values |= {"city": "Gdynia", "vat_number": "PL5260250274"}
        companies.save_company(actor=STAFF, uuid=None, values=values)

    def sell(name: str, period: str = "monthly", price: str = "10", **more: Any) -> str:
        with app.app_context():
            product = sold(name, {period: price})
            order = buy(find_client(shop["client"]), product, period, **more)
            return str(order.items[0].service.uuid)

    return sell


@pytest.fixture
def customer(app: Panel, shop: dict[str, str]) -> Browser:
    return Browser(app).sign_in("anna@example.test", "/client")


def shown(text: str) -> str:
    """Return the text of a page without markup."""
    return re.sub(r"[ \n\t]+", " ", re.sub(r"<[^>]*>", " ", text)).replace("&#39;", "'")


def test_customers_see_what_is_to_pay(
    app: Panel, customer: Browser, shop: dict[str, str], sale: Callable[..., str]
) -> None:
    assert "Nothing to pay" in customer.get("/client/calendar/").text
    with app.app_context():
        values = CouponValues("HALF", percent=Decimal(50), cycles=2)
        coupons.save_coupon(actor=STAFF, uuid=None, values=values)
    uuid = sale("VPS", coupon="HALF")
    sale("Domain", "annually", "12")
    answer = customer.get("/client/calendar/")
    text = shown(answer.text)
    assert answer.status_code == 200
    assert f"/client/services/{uuid}" in answer.text
    assert text.count(f"12.30{EUR}") >= 10  # eleven months at the full price
    assert f"6.15{EUR}" in text and "less coupon HALF" in text
    assert f"VPS: 10.00{EUR} / month" in text
    assert "With tax at today's rates." in text
    assert "Charged to" not in text
    with app.app_context(), transaction() as current:
        gateway = ConfiguredModule(type="Payment", name="Coin", title="Coin", active=True, data={})
        current.add(gateway)
        current.flush()
        current.add(
            PaymentMethod(
                gateway=gateway.uuid,
                client_id=find_client(shop["client"]).id,
                outside_id="pm_1",
                brand="visa",
                last4="4242",
                automatic=True,
            )
        )
    assert "Charged to Visa •••• 4242 on" in shown(customer.get("/client/calendar/").text)
    assert "Billing calendar" in customer.get("/client/invoices/").text


def test_unpaid_documents_are_in_the_calendar(
    app: Panel, customer: Browser, sale: Callable[..., str]
) -> None:
    sale("VPS")
    with app.app_context():
        late = now().date().replace(year=now().year + 1)
        assert renewals.run(actor=AUTOMATION, day=late).issued == 1
    assert "not paid yet" in shown(customer.get("/client/calendar/").text)


def test_renewals_that_are_off_are_said(
    app: Panel, customer: Browser, sale: Callable[..., str]
) -> None:
    sale("VPS")
    with app.app_context():
        settings.save(actor=STAFF, values={"billing.renewals": False})
    text = shown(customer.get("/client/calendar/").text)
    assert "currently not renewed automatically" in text


def test_staff_see_sums_and_the_calendar_of_a_client(
    owner: Browser, shop: dict[str, str], sale: Callable[..., str]
) -> None:
    assert "Nothing expected" in owner.get("/admin/forecast/").text
    sale("VPS")
    text = shown(owner.get("/admin/forecast/").text)
    assert f"10.00{EUR}" in text and "renewals without tax" in text
    lines = owner.get("/admin/forecast/?format=csv").text.splitlines()
    assert len(lines) >= 12
    assert re.search(r"^Fjordhost,EUR,\d{4}-\d\d,10.00,0.00,0.00$", lines[1])
    page = f"/admin/clients/{shop['client']}"
    assert f"{page}/calendar" in owner.get(page).text
    assert f"12.30{EUR}" in shown(owner.get(f"{page}/calendar").text)
    assert owner.get("/admin/clients/none/calendar").status_code == 404


def test_whoever_may_not_see_documents_is_refused(clerk: Browser, shop: dict[str, str]) -> None:
    for path in ("/admin/forecast/", f"/admin/clients/{shop['client']}/calendar"):
        assert clerk.get(path).status_code == 403


def test_the_calendar_costs_the_same_with_more_services(
    customer: Browser, sale: Callable[..., str], counted: Callable[[], list[str]]
) -> None:
    def cost() -> int:
        customer.get("/client/calendar/")
        counted()
        customer.get("/client/calendar/")
        return len(counted())

    sale("VPS")
    before = cost()
    for number in range(4):
        sale(f"VPS {number}")
    assert cost() == before
