"""The table of saved views."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded


def test_views_can_be_saved_after_the_upgrade(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0010", rows=20), engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM saved_views")) == 0
        assert connection.scalar(sa.text("SELECT count(*) FROM staff")) == 20
    engine.dispose()
