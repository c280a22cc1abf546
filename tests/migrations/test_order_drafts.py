"""Orders that were placed before drafts existed, and drafts when the panel goes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra import migrate
from puqpanel.infra.db import engine_for
from puqpanel.infra.migrate import PANEL
from tests.migrations.filled import FIRST, fill, upgraded

pytestmark = pytest.mark.mariadb


def test_orders_are_kept_without_risk_notes(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0026", rows=20), engine.begin() as connection:
        rows = connection.execute(sa.text("SELECT contents, risks, ip FROM orders")).all()
        assert {tuple(row) for row in rows} == {(None, None, "")}
    engine.dispose()


def test_going_back_leaves_states_that_the_older_panel_knows(
    new_database: Callable[[], str],
) -> None:
    engine = engine_for(new_database())
    migrate.downgrade(engine, PANEL, "0026")
    states = ("draft", "waiting", "fraud", "placed")
    fill(engine, 4, {"orders.status": lambda n: states[n - FIRST]})
    with engine.begin() as connection:
        connection.execute(sa.text(f"DELETE FROM order_items WHERE order_id = {FIRST}"))
    migrate.downgrade(engine, PANEL, "0025")
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT status FROM orders ORDER BY id")).scalars()
        assert rows.all() == ["placed", "cancelled", "placed"]
    migrate.upgrade(engine)
    engine.dispose()
