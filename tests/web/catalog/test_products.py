"""The form of a product."""

from __future__ import annotations

import re

from tests.web.conftest import Browser


def test_unchanged_product_form_can_be_saved(owner: Browser, shop: dict[str, str]) -> None:
    url = f"/admin/products/{shop['product']}/edit"
    page = owner.get(url).text
    name = re.search(r'name="name"[^>]*value="([^"]*)"', page)
    assert name and name[1] == "Web S"
    response = owner.post(url, {"name": name[1], "module": "", "active": "y"})
    assert response.status_code == 302
    page = owner.get(response.location).text
    assert "Product saved." in page and "4.90" in page
