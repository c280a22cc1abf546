"""The table of the rows of bulk actions."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded


def test_tasks_are_kept_without_bulk_items(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0012", rows=20), engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM bulk_items")) == 0
        assert connection.scalar(sa.text("SELECT count(*) FROM tasks")) == 20
    engine.dispose()
