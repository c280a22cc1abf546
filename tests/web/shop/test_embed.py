"""The price table that other sites frame or fetch."""

from __future__ import annotations

import pytest

from puqpanel.app import Panel
from tests.web.conftest import Browser
from tests.web.shop.conftest import change

pytestmark = pytest.mark.sqlite


def test_other_sites_may_frame_the_price_table_only(visitor: Browser, slug: str) -> None:
    table = visitor.get("/shop/embed/prices?theme=dark&currency=eur")
    assert "Web S" in table.text and "4.90" in table.text
    assert 'target="_top"' in table.text and f"/shop/{slug}?currency=EUR" in table.text
    assert "frame-ancestors *" in table.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in table.headers
    assert "Set-Cookie" not in table.headers
    page = visitor.get(f"/shop/{slug}")
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"


def test_caches_keep_the_price_table_by_language(visitor: Browser, slug: str) -> None:
    for path in ("/shop/embed/prices", "/shop/embed/prices.json"):
        assert {"Accept-Language", "Cookie"} <= set(visitor.get(path).vary)


def test_the_price_table_as_json(
    app: Panel, visitor: Browser, shop: dict[str, str], slug: str
) -> None:
    change(app, shop["product"], stock=0)
    answer = visitor.get("/shop/embed/prices.json?group=")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.json["currency"] == "EUR" and answer.json["excludes_tax"]
    (product,) = answer.json["products"]
    assert product["url"] == f"http://localhost/shop/{slug}?currency=EUR"
    assert (product["price"], product["setup"], product["period"]) == ("4.90", "0.00", "monthly")
    assert (product["sold_out"], product["group"]) == (True, None)
    assert visitor.get("/shop/embed/prices.json?group=none").json["products"] == []
    change(app, shop["product"], hidden=True)
    assert visitor.get("/shop/embed/prices.json").json["products"] == []
