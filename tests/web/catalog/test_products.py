"""The form of a product."""

from __future__ import annotations

import re

from tests.web.conftest import Browser


def test_unchanged_product_form_can_be_saved(owner: Browser, shop: dict[str, str]) -> None:
    url = f"/admin/products/{shop['product']}/edit"
    page = owner.get(url).text
    price = re.search(r'name="price"[^>]*value="([^"]*)"', page)
    assert price and price[1] == "4.90"
    data = {"name": "Web S", "price": price[1], "currency": "EUR", "period": "monthly"}
    response = owner.post(url, {**data, "module": "", "active": "y"})
    assert response.status_code == 302
    assert "Product saved." in owner.get(response.location).text
