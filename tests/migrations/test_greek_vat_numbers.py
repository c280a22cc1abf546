"""Greek VAT numbers that were entered with GR get the prefix EL; others are kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import Values, upgraded

pytestmark = pytest.mark.mariadb
NUMBERS = [("GR", "GR094259216"), ("GR", "EL094259216"), ("GR", ""), ("DE", "GR094259216")]
TABLES = ("clients", "companies")


def test_the_prefix_is_replaced(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    columns = [f"{table}.vat_number" for table in TABLES]
    values: Values = {}
    for table in TABLES:
        values[f"{table}.country"] = lambda number: NUMBERS[number % 4][0]
        values[f"{table}.vat_number"] = lambda number: NUMBERS[number % 4][1]
    expected = [("DE", "GR094259216"), ("GR", ""), ("GR", "EL094259216")]
    with (
        upgraded(engine, "0037", rows=20, values=values, changed=columns, lost=columns),
        engine.begin() as connection,
    ):
        for table in TABLES:
            query = sa.text(f"SELECT DISTINCT country, vat_number FROM {table} ORDER BY 1, 2")
            assert [tuple(row) for row in connection.execute(query)] == expected
    engine.dispose()
