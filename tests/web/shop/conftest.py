"""A shop with a company, and steps that customers take in it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.texts import verbatim
from puqpanel.infra.db import transaction
from puqpanel.operations.billing import companies, taxes
from puqpanel.operations.catalog import products
from puqpanel.operations.system import audit
from tests.sample import SELLER
from tests.web.conftest import Browser

ADDRESS = {
    "buyer_kind": "consumer",
    "country": "PL",
    "street": "Prosta 1",
    "postcode": "00-001",
    "city": "Warszawa",
}


@pytest.fixture
def slug(app: Panel, shop: dict[str, str]) -> str:
    """The address of a product for 4.90 a month, sold by a company in Poland."""
    with app.app_context():
        taxes.load_eu_rates(actor=AUTOMATION)
        values = {**SELLER, "name": "Fjordhost", "country": "PL"}
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        return products.find_product(shop["product"]).slug


@pytest.fixture
def anna(app: Panel, slug: str) -> Browser:
    """A signed-in user whose client has an address."""
    browser = Browser(app).sign_in("anna@example.test", "/client")
    assert send(browser, "/shop/checkout/details", ADDRESS).status_code == 302
    return browser


def send(browser: Browser, path: str, data: dict[str, Any]) -> TestResponse:
    """Submit a form of the shop."""
    return browser.http.post(path, data={"csrf_token": browser.token("/client"), **data})


def add(browser: Browser, slug: str, **values: Any) -> TestResponse:
    """Add a product to the cart."""
    return send(browser, "/shop/cart/add", {"product": slug, "period": "monthly", **values})


def hidden(page: str, name: str) -> str:
    """Return the value of a hidden field."""
    return re.findall(rf'name="{name}" value="([^"]+)"', page)[0]


def order(browser: Browser, **values: Any) -> TestResponse:
    """Order the cart at the total that the checkout shows."""
    page = browser.get("/shop/checkout").text
    shown = {"cart": hidden(page, "cart"), "total": hidden(page, "total")}
    return send(browser, "/shop/checkout", {**shown, **values})


def change(app: Panel, uuid: str, **values: Any) -> None:
    """Change columns of a product, with an entry in the audit log as operations write it."""
    with app.app_context(), transaction():
        product = products.find_product(uuid)
        for name, value in values.items():
            setattr(product, name, value)
        audit.record(
            actor=AUTOMATION,
            action="product.updated",
            subject_type="product",
            subject_uuid=uuid,
            summary=verbatim("Changed."),
        )
