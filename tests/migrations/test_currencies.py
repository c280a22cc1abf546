"""Currencies as rows: those in use are enabled, with the decimals of the stored amounts."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from puqpanel.models import Currency
from tests.migrations.filled import upgraded


@pytest.mark.parametrize(
    "of_clients, base", [("PLN", "PLN"), ("EUR", "EUR")], ids=["most use PLN", "most use EUR"]
)
def test_currencies_in_use_are_enabled(
    new_database: Callable[[], str], of_clients: str, base: str
) -> None:
    engine = engine_for(new_database())
    values = {
        "clients.currency": lambda number: "HUF" if number % 3 == 0 else of_clients,
        "products.currency": lambda number: "JPY" if number % 2 else "EUR",
        "services.currency": lambda number: "KWD" if number % 2 else "EUR",
    }
    with upgraded(engine, "0008", rows=30, values=values), engine.connect() as connection:
        table = Currency.__table__
        rows = {row.code: row for row in connection.execute(sa.select(table))}
        exponents = {code: row.exponent for code, row in rows.items()}
        assert exponents == {"EUR": 2, "HUF": 2, "JPY": 0, "KWD": 3} | {of_clients: 2}
        assert [code for code, row in rows.items() if row.is_base] == [base]
        assert {code: row.rate for code, row in rows.items() if row.rate} == {base: Decimal(1)}
        assert all(row.enabled for row in rows.values())
        assert rows["KWD"].step == Decimal("0.001") and rows["JPY"].step == 1
    engine.dispose()
