"""Documents from before say neither what was prepaid nor whose tax it is, as their digests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded

pytestmark = pytest.mark.mariadb


def test_filled_tables_are_kept(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0035", rows=20), engine.begin() as connection:
        for column, nothing in (("documents.prepaid_minor", 0), ("document_taxes.country", "")):
            table, _, name = column.partition(".")
            found = connection.execute(sa.text(f"SELECT {name} FROM {table}")).scalars().all()
            assert found == [nothing] * 20
    engine.dispose()
