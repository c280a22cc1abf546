"""Drafts and offers from before they could have coupons have none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded

pytestmark = pytest.mark.mariadb


def test_filled_tables_are_kept(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0033", rows=20), engine.begin() as connection:
        for table, nothing in (("orders", ""), ("offers", None)):
            found = connection.execute(sa.text(f"SELECT coupon FROM {table}")).scalars().all()
            assert found == [nothing] * 20
    engine.dispose()
