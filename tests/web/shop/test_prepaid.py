"""A customer buys a prepaid product in the shop, adds credit, and uses it."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session
from puqpanel.models import Order, Product
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.automation import dunning
from puqpanel.operations.billing import companies, taxes
from tests.operations.automation.unpaid import work
from tests.operations.billing.prepaid import prepaid_product, top_up
from tests.sample import SELLER
from tests.web.conftest import Browser
from tests.web.shop.conftest import add, hidden, order, send


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.replace("\xa0", " ")))


@pytest.fixture
def slug(app: Panel, shop: dict[str, str]) -> str:
    """The address of a prepaid product of 0.10 an hour."""
    with app.app_context():
        taxes.load_eu_rates(actor=AUTOMATION)
        values = {**SELLER, "name": "Fjordhost", "country": "PL"}
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        prepaid_product()
        return str(
            session().scalars(sa.select(Product.slug).where(Product.name == "Cloud hourly")).one()
        )


def bought(app: Panel, slug: str) -> tuple[Browser, str]:
    """Buy the product as Anna; return her browser and the page after the order."""
    anna = Browser(app).sign_in("anna@example.test", "/client")
    page = text(anna.get("/shop/").text)
    assert "0.10 € / hour" in page and "paid from your credit balance" in page
    page = text(anna.get(f"/shop/{slug}").text)
    assert "0.12 € / hour, paid from your credit balance, about 89.79 € a month" in page
    assert "Due now 0.00 €" in page
    assert add(anna, slug, period="hourly").status_code == 302
    assert "0.10 € / hour" in text(anna.get("/shop/cart/").text)
    address = {"street": "Prosta 1", "postcode": "00-001", "city": "Warszawa"}
    details = {"buyer_kind": "consumer", "country": "PL", **address}
    assert send(anna, "/shop/checkout/details", details).status_code == 302
    shown = text(anna.get("/shop/checkout").text)
    assert "start once you have 8.86 € of available credit" in shown
    month = {"month": hidden(anna.get("/shop/checkout").text, "month")}
    assert order(anna).status_code == 422
    placed = order(anna, **month)
    assert placed.status_code == 302
    return anna, placed.location


def test_with_credit_the_service_is_set_up(app: Panel, shop: dict[str, str], slug: str) -> None:
    with app.app_context():
        top_up(find_client(shop["client"]), "50")
    anna, location = bought(app, slug)
    assert "We set up your services" in anna.get(location).text
    with app.app_context():
        work()
    assert "Your services are set up" in anna.get(location).text


def test_without_credit_customers_are_told_what_to_add(
    app: Panel, shop: dict[str, str], slug: str
) -> None:
    anna, location = bought(app, slug)
    page = anna.get(location).text
    assert "Nothing to pay" not in page and "Add 8.86 €" in text(page)
    assert "/client/invoices/add-funds?amount=8.86" in page
    assert 'value="8.86"' in anna.get("/client/invoices/add-funds?amount=8.86").text
    assert anna.get("/client/invoices/add-funds?amount=NaN").status_code == 200
    with app.app_context():
        service = session().scalars(sa.select(Order)).one().items[0].service.uuid
    page = text(anna.get(f"/client/services/{service}", follow_redirects=True).text)
    assert "Waits for credit: 8.86 € is needed, 0.00 € is available." in page
    with app.app_context():
        top_up(find_client(shop["client"]), "9")
        work()
        dunning.run(actor=AUTOMATION)
    assert "Your services are set up" in anna.get(location).text
    page = text(anna.get(f"/client/services/{service}", follow_redirects=True).text)
    assert "Waits for credit" not in page


def test_staff_see_why_it_waits_and_order_it_in_a_draft(
    app: Panel, shop: dict[str, str], slug: str, owner: Browser
) -> None:
    bought(app, slug)
    with app.app_context():
        service = session().scalars(sa.select(Order)).one().items[0].service.uuid
    assert "Waits for credit" in owner.get(f"/admin/services/{service}").text
    page = owner.get("/admin/products/").text
    assert "Not sold yet" not in page
