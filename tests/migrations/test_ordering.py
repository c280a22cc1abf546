"""The tables of orders, and the charged days of services."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded


def test_services_that_were_not_ordered_have_no_charged_days(
    new_database: Callable[[], str],
) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0022", rows=20), engine.begin() as connection:
        rows = connection.execute(sa.text("SELECT anchored_on, paid_until FROM services")).all()
        assert {tuple(row) for row in rows} == {(None, None)}
    engine.dispose()
