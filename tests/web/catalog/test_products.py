"""The form of a product."""

from __future__ import annotations

import re

from tests.web.conftest import Browser


def test_unchanged_product_form_can_be_saved(owner: Browser, shop: dict[str, str]) -> None:
    url = f"/admin/products/{shop['product']}/edit"
    page = owner.get(url).text
    name = re.search(r'name="name"[^>]*value="([^"]*)"', page)
    assert name and name[1] == "Web S"
    data = {"name": name[1], "module": "", "active": "y"}
    for field in ("slug", "position"):
        value = re.search(rf'name="{field}"[^>]*value="([^"]*)"', page)
        assert value
        data[field] = value[1]
    for field in ("group_uuid", "billing_mode", "tax_class", "provisioning"):
        select = re.search(rf'name="{field}".*?<option selected value="([^"]*)"', page, re.DOTALL)
        assert select
        data[field] = select[1]
    response = owner.post(url, data)
    assert response.status_code == 302
    page = owner.get(response.location).text
    assert "Product saved." in page and "4.90" in page
