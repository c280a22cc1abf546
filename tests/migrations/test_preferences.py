"""The columns of an account's language and time zone."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded


def test_existing_accounts_follow_the_browser(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0004", rows=20), engine.connect() as connection:
        for table in ("staff", "users"):
            rows = connection.execute(sa.text(f"SELECT language, zone FROM {table}")).all()
            assert len(rows) == 20 and set(rows) == {("", "")}
    engine.dispose()
