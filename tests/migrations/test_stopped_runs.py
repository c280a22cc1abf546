"""Runs that stopped are about services until there are other kinds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded

pytestmark = pytest.mark.mariadb


def test_stopped_runs_are_kept(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0045", rows=20), engine.connect() as connection:
        kinds = sa.text("SELECT kind, COUNT(*) FROM stopped_runs GROUP BY kind")
        assert [tuple(row) for row in connection.execute(kinds)] == [("services", 20)]
    engine.dispose()
