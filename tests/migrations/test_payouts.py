"""Filled tables are kept when payouts come and go; services of clients share documents."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded

pytestmark = pytest.mark.mariadb


def test_filled_tables_are_kept(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0043", rows=20), engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT COUNT(*) FROM payouts")) == 0
        separate = sa.text("SELECT DISTINCT separate_documents FROM clients")
        assert [bool(row[0]) for row in connection.execute(separate)] == [False]
    engine.dispose()
