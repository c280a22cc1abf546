"""The table of requests to end services."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded


def test_no_service_is_cancelled_by_the_upgrade(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0024", rows=20), engine.begin() as connection:
        assert connection.scalar(sa.text("SELECT COUNT(*) FROM endings")) == 0
    engine.dispose()
