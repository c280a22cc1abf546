"""Panels with overdue documents suspend nothing by surprise; all others begin at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra import migrate
from puqpanel.infra.db import engine_for
from puqpanel.infra.migrate import PANEL
from tests.migrations.filled import fill, upgraded

pytestmark = pytest.mark.mariadb
SETTINGS = sa.text("SELECT name, value FROM settings WHERE name LIKE 'automation.%'")


def test_filled_tables_are_kept(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0042", rows=20), engine.connect() as connection:
        assert connection.execute(SETTINGS).all() == []
        assert connection.scalar(sa.text("SELECT COUNT(*) FROM steps")) == 0
    engine.dispose()


def test_automation_is_off_where_documents_are_overdue(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    migrate.downgrade(engine, PANEL, "0040")
    fill(engine, 5, {"documents.status": lambda number: "issued" if number % 2 else "paid"})
    migrate.upgrade(engine, to="0042")
    with engine.connect() as connection:
        found = dict(connection.execute(SETTINGS).all())
        assert (found["automation.suspensions"], found["automation.cancel_orders_days"]) == (
            "false",
            "0",
        )
        overdue = sa.text("SELECT COUNT(*) FROM documents WHERE status = 'issued'")
        steps = sa.text("SELECT COUNT(*) FROM steps WHERE step = 'overdue'")
        assert connection.scalar(steps) == connection.scalar(overdue)
    migrate.downgrade(engine, PANEL, "0040")
    with engine.connect() as connection:
        assert connection.execute(SETTINGS).all() == []
    engine.dispose()
