"""Sessions as rows, in place of the epoch of accounts."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded


def test_accounts_are_kept_without_sessions(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    lost = {"staff.epoch", "users.epoch"}
    with upgraded(engine, "0005", rows=20, lost=lost), engine.connect() as connection:
        for table, count in (("staff", 20), ("users", 20), ("staff_roles", 20), ("sessions", 0)):
            query = sa.select(sa.func.count()).select_from(sa.table(table))
            assert connection.scalar(query) == count, table
    engine.dispose()
