"""Documents from before state no tax in another currency, as their digests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded

pytestmark = pytest.mark.mariadb


def test_filled_tables_are_kept(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0038", rows=20), engine.begin() as connection:
        found = connection.execute(sa.text("SELECT converted_tax FROM documents")).scalars().all()
        assert found == [None] * 20
    engine.dispose()
