"""The tables of coupons; services that were ordered before have no discount left."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded


def test_earlier_orders_have_no_discount(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0027", rows=20), engine.begin() as connection:
        rows = connection.scalars(sa.text("SELECT discount FROM order_items")).all()
        assert rows == [None] * 20
        assert connection.scalar(sa.text("SELECT COUNT(*) FROM coupons")) == 0
    engine.dispose()
