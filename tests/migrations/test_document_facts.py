"""Documents from before keep what they said, and so their digests: nothing was prepaid on them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded

pytestmark = pytest.mark.mariadb


def test_filled_tables_are_kept(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0034", rows=20), engine.begin() as connection:
        found = connection.execute(sa.text("SELECT prepaid_minor FROM documents")).scalars().all()
        assert found == [0] * 20
    engine.dispose()
