"""Lines of issued documents get the unit price that they state; others are kept."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import Values, upgraded

pytestmark = pytest.mark.mariadb
PRICE = "document_lines.unit_price"
ROWS = [
    ("paid", "net", "EUR", "1.5", "0.33", 50, "0.3333333333"),
    ("paid", "net", "EUR", "3", "-10.005", -3002, "-10.0066666667"),
    ("paid", "net", "JPY", "2.5", "33", 83, "33.2"),
    ("paid", "net", "EUR", "2.5", "64", 16000, "64"),
    ("paid", "net", "EUR", "1", "10", 333, "10"),
    ("draft", "net", "EUR", "1.5", "0.33", 50, "0.33"),
    ("paid", "gross", "EUR", "1.5", "0.33", 50, "0.33"),
]
"""Status, entry and currency; quantity, price and net amount; price after the upgrade."""


def test_issued_lines_state_the_same_price(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    columns = [f"documents.{name}" for name in ("status", "entry", "currency")]
    columns += ["document_lines.quantity", PRICE, "document_lines.net_minor"]
    values: Values = {
        name: lambda number, at=at: ROWS[number % len(ROWS)][at]  # type: ignore[misc]
        for at, name in enumerate(columns)
    }
    for name in ("document_lines.quantity", PRICE):
        text = values[name]
        if engine.dialect.name != "sqlite":
            values[name] = lambda number, text=text: Decimal(text(number))  # type: ignore[misc]
    # the upgrades before add EUR
    values["currencies.code"] = lambda number: "JPY" if number == 10 else f"X{number}"
    values["currencies.exponent"] = lambda number: 0 if number == 10 else 2
    with (
        upgraded(engine, "0039", rows=21, values=values, changed=[PRICE], lost=[PRICE]),
        engine.begin() as connection,
    ):
        query = sa.text("SELECT id, unit_price FROM document_lines ORDER BY id")
        for key, price in connection.execute(query):
            assert Decimal(price) == Decimal(ROWS[key % len(ROWS)][-1]), key
    engine.dispose()
