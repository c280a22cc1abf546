"""Prices of products become rows, and services know at which they were sold."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import FIRST, upgraded

PERIODS = ("monthly", "one_time", "hourly")
MODES = {"monthly": "recurring", "one_time": "one_time", "hourly": "prepaid"}

pytestmark = pytest.mark.mariadb


def test_the_price_of_each_product_becomes_a_row(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    values: dict[str, Callable[[int], object]] = {
        "products.name": lambda n: ("VPS Łódź", "Хмара")[n % 2],
        "products.price_minor": lambda n: 10**12 + n,
        "products.currency": lambda n: ("EUR", "PLN")[n % 2],
        "products.period": lambda n: PERIODS[n % 3],
        # sold at another price, in another currency, for another period, or as it is now
        "services.price_minor": lambda n: 10**12 + n + (n % 4 == 1),
        "services.currency": lambda n: "USD" if n % 4 == 2 else ("EUR", "PLN")[n % 2],
        "services.period": lambda n: "annually" if n % 4 == 3 else PERIODS[n % 3],
    }
    with upgraded(engine, "0021", rows=48, values=values), engine.begin() as connection:
        prices = {
            row.product_id: row
            for row in connection.execute(
                sa.text(
                    "SELECT p.*, products.billing_mode, products.provisioning, products.slug"
                    " FROM prices p JOIN products ON products.id = p.product_id"
                )
            )
        }
        assert sorted(prices) == list(range(FIRST, FIRST + 48))
        for n, row in prices.items():
            assert (row.recurring_minor, row.setup_minor) == (10**12 + n, 0)
            assert (row.currency, row.period) == (("EUR", "PLN")[n % 2], PERIODS[n % 3])
            assert row.live and not row.derived and row.retired_at is None
            assert (row.billing_mode, row.provisioning) == (MODES[row.period], "by_hand")
        slugs = [row.slug for row in prices.values()]
        assert len(set(slugs)) == 48 and {"vps-lodz", "vps-lodz-24", "product"} <= set(slugs)
        sold = connection.execute(sa.text("SELECT id, price_id FROM services")).all()
        for n, price in sold:
            assert price == (prices[n].id if n % 4 == 0 else None)
        # a downgrade restores the first price of a product, not one that was added since
        connection.execute(
            sa.text(
                "INSERT INTO prices (uuid, product_id, currency, period, setup_minor,"
                " recurring_minor, derived, valid_from, live)"
                " SELECT 'x', product_id, 'USD', 'annually', 1, 1, derived, valid_from, live"
                " FROM prices WHERE product_id = 10"
            )
        )
    engine.dispose()
