"""The table of carts, and products whose address became a page of the shop."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import FIRST, upgraded


def test_products_give_up_the_addresses_of_the_shop(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    names = ("cart", "checkout", "vps")
    values = {"products.slug": lambda n: names[n - FIRST] if n < FIRST + 3 else f"p-{n}"}
    changed, lost = {"products.slug"}, {"products.slug"}
    with (
        upgraded(engine, "0025", rows=20, values=values, changed=changed, lost=lost),
        engine.begin() as connection,
    ):
        slugs = connection.scalars(sa.text("SELECT slug FROM products ORDER BY id")).all()
        assert slugs[:3] == [f"cart-product-{FIRST}", f"checkout-product-{FIRST + 1}", "vps"]
        assert slugs[3:] == [f"p-{n}" for n in range(FIRST + 3, FIRST + 20)]
        assert connection.scalar(sa.text("SELECT COUNT(*) FROM carts")) == 0
    engine.dispose()
