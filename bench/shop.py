"""CPU of the shop's pages for visitors, from the cache and without it, beside a bare Flask page."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask

from bench.measure import backend, figure, interleaved, temporary_panel
from bench.pages import cpu_ms
from puqpanel.app import create_app
from puqpanel.domain.principals import CLI
from puqpanel.operations.billing import companies, taxes
from puqpanel.operations.catalog import products
from puqpanel.web.shop import page_cache

PRODUCTS = 20
GOAL_MS = 5.0


def figures(n: int | None, database: str | None) -> Iterator[dict[str, object]]:
    """Measure the list of products and the page of a product.

    Args:
        n: Number of products; 20 by default.
        database: URL of an empty database; by default, SQLite.
    """
    with temporary_panel(database) as settings:
        app, bare = create_app(settings), Flask("bare")
        bare.add_url_rule("/", "index", lambda: "<!doctype html><title>Shop</title>")
        with app.app_context():
            taxes.load_eu_rates(actor=CLI)
            address = {"street": "ul. Morska 14", "city": "Gdynia", "tax_number": "5260250274"}
            values = {"name": "Seller", "country": "PL", **address}
            companies.save_company(actor=CLI, uuid=None, values=values)
            for number in range(n or PRODUCTS):
                name = f"Product {number}"
                products.save_product(actor=CLI, uuid=None, name=name, price="4.90")
        client, plain = app.test_client(), bare.test_client()

        def get(path: str, *, cached: bool) -> None:
            if not cached:
                page_cache.clear()
            assert client.get(path).status_code == 200

        name = backend(settings.database_url)
        for path in ("/shop/", "/shop/product-1"):
            for cached in (True, False):
                ours, theirs = interleaved(
                    lambda p=path, c=cached: cpu_ms(settings, lambda: get(p, cached=c)),
                    lambda: cpu_ms(settings, lambda: plain.get("/").get_data()),
                )
                kind = "from the cache" if cached else "rendered"
                goal = GOAL_MS if cached else 10 * GOAL_MS
                yield figure(f"{path} {kind}", name, ours, theirs, "ms", goal, absolute=True)
