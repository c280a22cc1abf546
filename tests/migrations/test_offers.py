"""Orders that were offered are drafts again when the panel goes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra import migrate
from puqpanel.infra.db import engine_for
from puqpanel.infra.migrate import PANEL
from tests.migrations.filled import FIRST, fill, upgraded

pytestmark = pytest.mark.mariadb


def test_filled_tables_are_kept(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0029", rows=20), engine.begin() as connection:
        assert connection.execute(sa.text("SELECT COUNT(*) FROM offers")).scalar() == 0
    engine.dispose()


def test_offered_orders_are_drafts_again(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    migrate.downgrade(engine, PANEL, "0029")
    states = ("offered", "placed")
    fill(engine, 2, {"orders.status": lambda n: states[n - FIRST]})
    migrate.downgrade(engine, PANEL, "0028")
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT status FROM orders ORDER BY id")).scalars()
        assert rows.all() == ["draft", "placed"]
    migrate.upgrade(engine)
    engine.dispose()
