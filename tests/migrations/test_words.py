"""Clients, services and users are found after the migration as after their next change."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import FIRST, upgraded

ROWS = 600
"""More than one batch."""


def test_their_words_are_indexed(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    values = {
        "services.search_text": lambda number: f"www{number}.berg.example",
        "users.email": lambda number: f"u{number}@müller.example",
    }
    with upgraded(engine, "0019", rows=ROWS, values=values), engine.connect() as connection:
        for word, table, number in (
            ("www17.berg.example", "service_words", 17),
            ("u17@muller.example", "user_words", 17),
        ):
            found = sa.text(f"SELECT row_id FROM {table} WHERE word = :word")
            assert connection.scalars(found, {"word": word}).all() == [number]
        found = sa.text("SELECT count(*) FROM service_words WHERE word = 'berg.example'")
        assert connection.scalar(found) == ROWS
        first = sa.text("SELECT count(*) FROM client_words WHERE row_id = :row")
        assert connection.scalar(first, {"row": FIRST})
    engine.dispose()
