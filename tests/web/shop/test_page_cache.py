"""Pages for visitors come from memory, are never stale, and hold nothing of another visitor."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import time_machine

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.operations.billing import companies
from puqpanel.operations.catalog import prices, products
from puqpanel.operations.catalog.price_rows import Cell
from tests.web.conftest import Browser
from tests.web.shop.conftest import add, change, hidden, order


def test_a_page_is_rendered_once_and_its_form_is_the_visitors_own(
    app: Panel, slug: str, counted: Callable[[], list[str]]
) -> None:
    first, second = Browser(app), Browser(app)
    path = f"/shop/{slug}"
    counted()
    page = first.get(path).text
    rendering = len(counted())
    other = second.get(path).text
    assert len(counted()) < rendering
    assert hidden(page, "csrf_token") != hidden(other, "csrf_token")
    assert add(second, slug, csrf_token=hidden(other, "csrf_token")).status_code == 302
    strip = re.compile(r'(value|content|nonce)="[^"]{16,}"|<span class="count">\d+</span>')
    assert strip.sub("", page) == strip.sub("", other)
    assert re.search(r'class="count">1<', second.get(path).text)
    assert not re.search(r'class="count">', first.get(path).text)


def test_changes_of_staff_show_at_once(
    app: Panel, shop: dict[str, str], visitor: Browser, slug: str
) -> None:
    assert "6.03" in visitor.get(f"/shop/{slug}").text
    with app.app_context():
        cell = Cell("monthly", "EUR", setup=None, recurring="10")
        prices.save_prices(actor=AUTOMATION, product_uuid=shop["product"], cells=[cell])
    assert "12.30" in visitor.get(f"/shop/{slug}").text
    assert "10.00" in visitor.get("/shop/").text
    with app.app_context():
        (company,) = companies.companies()
        values = {"vat_registered": False}
        companies.save_company(actor=AUTOMATION, uuid=company.uuid, values=values)
    assert "12.30" not in visitor.get(f"/shop/{slug}").text
    with app.app_context():
        product = products.find_product(shop["product"])
        products.save_product(actor=AUTOMATION, uuid=product.uuid, name="Web <M>", price="10")
    assert "Web &lt;M&gt;" in visitor.get(f"/shop/{slug}").text


def test_the_last_one_in_stock_is_sold_out_at_once(
    app: Panel, shop: dict[str, str], anna: Browser, visitor: Browser, slug: str
) -> None:
    change(app, shop["product"], stock=1)
    assert "Sold out" not in visitor.get("/shop/").text
    add(anna, slug)
    assert order(anna).status_code == 302
    assert "Sold out" in visitor.get("/shop/").text
    assert "Sold out" in visitor.get(f"/shop/{slug}").text


def test_what_left_no_newest_entry_shows_within_a_minute(
    app: Panel, shop: dict[str, str], visitor: Browser
) -> None:
    with time_machine.travel(datetime.now(UTC).replace(second=1), tick=False) as clock:
        assert "Sold out" not in visitor.get("/shop/").text
        change(app, shop["product"], stock=0)  # without an entry
        clock.shift(60)
        assert "Sold out" in visitor.get("/shop/").text


def test_visitors_of_other_countries_and_languages_have_pages_of_their_own(
    app: Panel, slug: str
) -> None:
    visitor = Browser(app)
    assert "6.03" in visitor.get(f"/shop/{slug}").text
    assert "6.03" not in visitor.get(f"/shop/{slug}?country=US").text
    assert "6.03" in Browser(app).get(f"/shop/{slug}").text
    polish = Browser(app).get(f"/shop/{slug}", headers={"Accept-Language": "pl"}).text
    assert "Dodaj do koszyka" in polish and "6,03" in polish
