"""Rows are found by what they contained before the migration."""

from __future__ import annotations

import json
from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra import crypto
from puqpanel.infra.db import engine_for
from tests.migrations.filled import FIRST, upgraded

ROWS = 600
"""More than one batch."""


def address(number: int) -> str:
    return f"192.0.{number // 250}.{number % 250}"


def test_rows_are_found_after_the_migration(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())

    def data(number: int) -> str:
        if number == FIRST:
            return "unreadable"
        return crypto.encrypt(
            json.dumps(
                {"ip": address(number), "user": "not known to be no secret", "password": "geheim"}
            )
        )

    with (
        upgraded(
            engine,
            "0015",
            rows=ROWS,
            values={
                "services.name": lambda number: f"Müller {number}",
                "services.service_data": data,
                "services.provision_data": lambda _: crypto.encrypt("{}"),
            },
        ),
        engine.connect() as connection,
    ):
        rows = connection.execute(sa.text("SELECT id, search_text FROM services")).all()
        assert dict(map(tuple, rows)) == {
            number: f"muller {number}" + (f" {address(number)}" if number > FIRST else "")
            for number in range(FIRST, FIRST + ROWS)
        }
        for table in ("clients", "products", "instances", "staff"):
            empty = f"SELECT count(*) FROM {table} WHERE search_text = ''"
            assert connection.scalar(sa.text(empty)) == 0, table
    engine.dispose()
