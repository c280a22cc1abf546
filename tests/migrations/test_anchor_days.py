"""Services keep the fixed day of their product, if they began on the last day of a shorter month."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
import sqlalchemy as sa

from puqpanel.infra import migrate
from puqpanel.infra.db import engine_for
from puqpanel.infra.migrate import PANEL
from tests.migrations.filled import FIRST, fill, upgraded

pytestmark = pytest.mark.mariadb


def test_filled_tables_are_kept(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0034", rows=20), engine.begin() as connection:
        assert len(connection.execute(sa.text("SELECT anchor_day FROM services")).all()) == 20
    engine.dispose()


def test_the_fixed_day_of_the_product_is_stored(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    migrate.downgrade(engine, PANEL, "0033")
    began, first = date(2026, 2, 28), FIRST
    until = [began, date(2026, 3, 31), date(2026, 3, 28), None]
    values = {
        "services.anchored_on": lambda n: date(2026, 3, 28) if n == first + 3 else began,
        "services.paid_until": lambda n: until[n - first],
        "products.anchor_day": lambda _n: 31,
    }
    fill(engine, 4, values)
    migrate.upgrade(engine)
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT anchor_day FROM services ORDER BY id"))
        assert found.scalars().all() == [31, 31, None, None]
    engine.dispose()
