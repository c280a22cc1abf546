"""The pages of currencies, and prices in the viewer's locale."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.db import session
from puqpanel.models import Product
from puqpanel.operations.catalog import products
from puqpanel.operations.catalog.prices import prices_of
from puqpanel.operations.system import currencies
from tests.web.conftest import Browser

PL = {"Accept-Language": "pl"}
EN = {"Accept-Language": "en-US"}


def add_zloty(owner: Browser) -> str:
    answer = owner.post("/admin/currencies/new", {"code": "PLN"})
    assert answer.location == "/admin/currencies/PLN/edit"
    return str(answer.location)


def test_a_currency_is_added_and_gets_a_rate(app: Panel, owner: Browser) -> None:
    url = add_zloty(owner)
    page = owner.get("/admin/currencies/").text
    assert "Exchange rates are missing." in page and "Polish Zloty" in page
    assert re.search(r'type="hidden"[^>]*value="EUR"', owner.get(url).text)
    data = {"base": "EUR", "rate": "4.253", "step": "0.05", "rounding": "up", "enabled": "y"}
    assert owner.post(url, data, headers=EN).status_code == 302
    page = owner.get("/admin/currencies/", headers=EN).text
    assert "4.253 PLN" in page and "Exchange rates are missing." not in page
    assert 'value="4,253"' in owner.get(url, headers=PL).text
    with app.app_context():
        rate = currencies.rates()["PLN"]
        assert (rate.value, rate.step, rate.rounding) == (Decimal("4.253"), Decimal("0.05"), "up")


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "4,2,5", "4,253", "1e3", "1,000.5", "9" * 500])
def test_an_invalid_rate_is_shown_again(app: Panel, owner: Browser, rate: str) -> None:
    url = add_zloty(owner)
    data = {"rate": rate, "step": "0.01", "rounding": "up", "enabled": "y"}
    answer = owner.post(url, data, headers=EN)
    assert answer.status_code == 422 and f'value="{rate}"' in answer.text
    with app.app_context():
        assert "PLN" not in currencies.rates()


def test_a_form_opened_before_a_change_of_the_base_currency_is_refused(
    app: Panel, owner: Browser
) -> None:
    url = add_zloty(owner)
    data = {"base": "USD", "rate": "4.2", "step": "0.01", "rounding": "up", "enabled": "y"}
    answer = owner.post(url, data, headers=EN)
    assert answer.status_code == 422 and "base currency was changed" in answer.text
    with app.app_context():
        assert "PLN" not in currencies.rates()


def test_the_base_currency_changes_after_a_confirmation(app: Panel, owner: Browser) -> None:
    add_zloty(owner)
    path = "/admin/currencies/PLN/base"
    assert "All exchange rates will be removed" in owner.get(path).text
    assert owner.post(path).status_code == 302
    with app.app_context():
        assert currencies.base_currency() == "PLN"
    assert owner.get("/admin/currencies/USD/base").status_code == 404


@pytest.mark.parametrize(
    "code, status", [("XYZ", 422), ("DEM", 422), ("EUR", 422), ("", 422), ("USD", 302)]
)
def test_only_current_currencies_are_added(owner: Browser, code: str, status: int) -> None:
    assert owner.post("/admin/currencies/new", {"code": code}).status_code == status


def test_staff_without_the_permission_see_nothing(clerk: Browser) -> None:
    for path in ("", "new", "EUR/edit", "EUR/base"):
        assert clerk.get(f"/admin/currencies/{path}").status_code == 403


def product(price: str, currency: str = "EUR") -> dict[str, str]:
    return {"name": "Web S", "price": price, "currency": currency, "period": "monthly"}


@pytest.mark.parametrize(
    "headers, typed, saved",
    [(EN, "1,234.50", "1234.50 EUR"), (PL, "1 234,50", "1234.50 EUR"), (PL, "7", "7.00 EUR")],
)
def test_a_price_is_typed_in_the_locale_of_the_viewer(
    app: Panel, owner: Browser, headers: dict[str, str], typed: str, saved: str
) -> None:
    answer = owner.post("/admin/products/new", product(typed), headers=headers)
    assert answer.status_code == 302
    with app.app_context():
        created = products.find_product(answer.location.rpartition("/")[2])
        assert [str(row.recurring) for row in prices_of(created)] == [saved]


@pytest.mark.parametrize(
    "headers, typed, example",
    [
        (EN, "1.000", "1234.50"),
        (EN, "1,000", "1234.50"),
        (EN, "1.000,00", "1234.50"),
        (PL, "1,000", "1234,50"),
        (PL, "4.9.0", "1234,50"),
        (EN, "-1", "1234.50"),
    ],
)
def test_an_invalid_price_is_shown_again_with_an_example(
    app: Panel, owner: Browser, headers: dict[str, str], typed: str, example: str
) -> None:
    answer = owner.post("/admin/products/new", product(typed), headers=headers)
    assert answer.status_code == 422 and f'value="{typed}"' in answer.text
    assert example in answer.text
    with app.app_context():
        assert session().scalar(sa.select(Product.id)) is None


def test_prices_are_shown_in_the_locale_of_the_viewer(owner: Browser, shop: dict[str, str]) -> None:
    url = f"/admin/products/{shop['product']}"
    assert "€4.90 / month" in owner.get(url, headers=EN).text
    assert "4,90\u00a0€ / " in owner.get(url, headers=PL).text


def test_a_foreign_product_cannot_be_sold(app: Panel, owner: Browser, shop: dict[str, str]) -> None:
    add_zloty(owner)
    owner.post("/admin/products/new", product("20", "PLN") | {"name": "Web PL", "active": "y"})
    page = owner.get("/admin/services/new").text
    foreign = re.search(r'value="([0-9a-f/-]{73})"[^>]*>Web PL', page)
    assert foreign is not None
    data = {"client": shop["client"], "product": foreign[1], "name": "x.example"}
    answer = owner.post("/admin/services/new", data)
    assert answer.status_code == 422 and "This price is in PLN, but" in answer.text
