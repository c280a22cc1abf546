"""The table of differences, and when services are compared with their providers."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded


def test_services_have_never_been_compared(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0014", rows=20), engine.begin() as connection:
        query = sa.text("SELECT observed_at, observe_at FROM services")
        assert {tuple(row) for row in connection.execute(query)} == {(None, None)}
        connection.execute(sa.text("UPDATE services SET observe_at = '2026-11-29 00:00:00'"))
        connection.execute(
            sa.text(
                "INSERT INTO service_differences (service_id, kind, answer, since)"
                " SELECT id, 'gone', '', '2026-11-29 00:00:00' FROM services"
            )
        )
    engine.dispose()
