"""Visitors create accounts."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session
from puqpanel.models import Client, User
from puqpanel.operations.catalog import prices, products
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.system import currencies, settings
from tests.web.conftest import PASSWORD, Browser

FORM = {
    "name": "Nina New",
    "email": "nina@example.test",
    "password": PASSWORD,
    "country": "DE",
    "buyer_kind": "business",
    "currency": "EUR",
    "company": "New GmbH",
    "vat_number": "DE136695976",
}


def count(app: Panel) -> int:
    with app.app_context():
        return session().scalar(sa.select(sa.func.count(User.id))) or 0


def submit(browser: Browser, **changes: str):
    page = browser.get("/client/register?next=/shop/").text
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    return browser.http.post(
        "/client/register?next=/shop/", data={**FORM, **changes, "csrf_token": token}
    )


def test_a_visitor_creates_an_account_and_is_signed_in(app: Panel, visitor: Browser) -> None:
    answer = submit(visitor)
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].endswith("/shop/")
    assert "Nina New" in visitor.get("/client/").text
    with app.app_context():
        client = session().scalars(sa.select(Client)).one()
        assert (client.company, client.country, client.buyer_kind, client.vat_status) == (
            "New GmbH",
            "DE",
            "business",
            "pending",
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"email": "anna@example.test"}, "Sign in instead"),
        ({"email": "nobody"}, "valid e-mail"),
        ({"password": "short"}, "at least"),
        ({"country": ""}, "Choose a country"),
        ({"vat_number": "DE1"}, "not a valid VAT number"),
        ({"currency": "XXX"}, "is-invalid"),
        ({"name": "x" * 300}, "is-invalid"),
    ],
)
def test_a_wrong_form_creates_nothing(
    app: Panel, shop: dict[str, str], visitor: Browser, change: dict[str, str], message: str
) -> None:
    before = count(app)
    answer = submit(visitor, **change)
    assert answer.status_code == 422
    assert message in answer.text
    assert PASSWORD not in answer.text
    assert count(app) == before


def test_registration_can_be_closed(app: Panel, visitor: Browser) -> None:
    page = visitor.get("/client/register").text
    with app.app_context():
        settings.save(actor=AUTOMATION, values={"shop.registration": False})
    assert visitor.get("/client/register").status_code == 302
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    visitor.http.post("/client/register", data={**FORM, "csrf_token": token})
    assert count(app) == 0


def offered(browser: Browser, query: str = "") -> list[tuple[str, str]]:
    page = browser.get(f"/client/register{query}").text
    field = page[page.index('name="currency"') :].split("</select>")[0]
    return re.findall(r'<option ?(selected)? value="([A-Z]{3})"', field)


def test_only_currencies_in_which_something_is_sold_are_offered(
    app: Panel, visitor: Browser
) -> None:
    with app.app_context():
        for code in ("PLN", "USD"):
            currencies.add_currency(actor=AUTOMATION, code=code)
    assert {code for _selected, code in offered(visitor)} == {"EUR", "PLN", "USD"}
    with app.app_context():
        product = products.save_product(
            actor=AUTOMATION, uuid=None, name="Web", price="5", currency="USD"
        ).uuid
        cells = [Cell("monthly", "PLN", None, "20")]
        prices.save_prices(actor=AUTOMATION, product_uuid=product, cells=cells)
    assert offered(visitor, "?currency=USD") == [("", "PLN"), ("selected", "USD")]
    assert ("selected", "PLN") in offered(Browser(app))
    assert submit(visitor, currency="EUR").status_code == 422


def test_a_network_cannot_try_addresses_on_and_on(visitor: Browser, shop: dict[str, str]) -> None:
    codes = [submit(visitor, email="anna@example.test").status_code for _time in range(61)]
    assert codes == [422] * 60 + [429]
