"""The shop: visitors look, users order, and nothing of a price is taken from the form."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session, transaction
from puqpanel.models import Order, Service
from puqpanel.operations.billing import companies, taxes
from puqpanel.operations.catalog import products
from tests.web.conftest import Browser


@pytest.fixture
def slug(app: Panel, shop: dict[str, str]) -> str:
    """The address of a product for 4.90 a month, sold by a company in Poland."""
    with app.app_context():
        taxes.load_eu_rates(actor=AUTOMATION)
        values = {"name": "Fjordhost", "country": "PL"}
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        return products.find_product(shop["product"]).slug


def orders(app: Panel) -> int:
    with app.app_context():
        return session().scalar(sa.select(sa.func.count(Order.id))) or 0


def change(app: Panel, uuid: str, **values: Any) -> None:
    with app.app_context(), transaction():
        product = products.find_product(uuid)
        for name, value in values.items():
            setattr(product, name, value)


def test_a_visitor_sees_prices_with_tax(visitor: Browser, slug: str) -> None:
    assert "Web S" in visitor.get("/shop/").text
    text = visitor.get(f"/shop/{slug}").text
    assert "6.03" in text
    assert "Sign in to order" in text
    assert "shop.products.order" not in text
    page = visitor.get(f"/client/signin?next=/shop/{slug}")
    assert page.status_code == 200


def test_a_user_orders_and_comes_to_the_invoice(app: Panel, slug: str) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    page = anna.get(f"/shop/{slug}").text
    token = re.findall(r'name="shop.token" value="([^"]+)"', page)[0]
    total = re.findall(r'name="shop.total" value="(\d+)"', page)[0]
    data = {
        "csrf_token": anna.token("/client"),
        "shop.token": token,
        "shop.total": total,
        "shop.period": "monthly",
        "shop.name": "www.berg.example",
        "price": "0.01",
    }
    first = anna.http.post(f"/shop/{slug}/order", data=data)
    assert first.status_code == 302, first.text
    again = anna.http.post(f"/shop/{slug}/order", data=data)
    assert again.headers["Location"] == first.headers["Location"]
    assert orders(app) == 1
    assert "6.03" in anna.get(first.headers["Location"]).text
    with app.app_context():
        service = session().scalar(sa.select(Service).where(Service.name == "www.berg.example"))
        assert service is not None
        assert str(service.price) == "4.90 EUR"


@pytest.mark.parametrize(
    "wrong",
    [
        {"shop.total": "1"},
        {"shop.total": ""},
        {"shop.total": "abc"},
        {"shop.period": "weekly"},
        {"shop.period": "x" * 5000},
        {"shop.option.disk": "9"},
    ],
)
def test_a_wrong_form_orders_nothing(app: Panel, slug: str, wrong: dict[str, str]) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    form = {"shop.period": "monthly", "shop.total": "603", **wrong}
    data = {"csrf_token": anna.token("/client"), **form}
    answer = anna.http.post(f"/shop/{slug}/order", data=data)
    if "shop.option.disk" in wrong:  # options that the product does not have are not read
        assert answer.status_code == 302
        return
    assert answer.status_code == 422
    assert "Please fix the following" in answer.text
    assert orders(app) == 0


def test_visitors_cannot_order(app: Panel, visitor: Browser, slug: str) -> None:
    data = {"csrf_token": visitor.token("/client"), "shop.period": "monthly"}
    answer = visitor.http.post(f"/shop/{slug}/order", data=data)
    assert answer.status_code in (302, 401)
    assert orders(app) == 0


def test_what_is_not_sold_is_not_found(app: Panel, shop: dict[str, str], slug: str) -> None:
    browser = Browser(app)
    change(app, shop["product"], hidden=True)
    assert "Web S" not in browser.get("/shop/").text
    assert browser.get(f"/shop/{slug}").status_code == 200
    change(app, shop["product"], active=False)
    assert browser.get(f"/shop/{slug}").status_code == 404
    assert browser.get("/shop/none").status_code == 404


def test_what_is_sold_out_cannot_be_ordered(app: Panel, shop: dict[str, str], slug: str) -> None:
    change(app, shop["product"], stock=0)
    anna = Browser(app).sign_in("anna@example.test", "/client")
    assert "Sold out" in anna.get("/shop/").text
    data = {"csrf_token": anna.token("/client"), "shop.period": "monthly", "shop.total": "603"}
    answer = anna.http.post(f"/shop/{slug}/order", data=data)
    assert answer.status_code == 422
    assert "sold out" in answer.text


def test_staff_see_orders(app: Panel, owner: Browser, slug: str) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    data = {"csrf_token": anna.token("/client"), "shop.period": "monthly", "shop.total": "603"}
    assert anna.http.post(f"/shop/{slug}/order", data=data).status_code == 302
    listed = owner.get("/admin/orders/").text
    assert "Anna Berg" in listed
    path = re.findall(r'href="(/admin/orders/[0-9a-f-]{36})"', listed)[0]
    page = owner.get(path).text
    assert "Web S" in page
    assert "INV-" in page
    answer = owner.post(f"{path}/cancel", {"reason": "Ordered twice"})
    assert answer.status_code == 302
    assert "Cancelled" in owner.get(path).text
    assert owner.post(f"{path}/cancel", {"reason": "again"}).status_code == 422
