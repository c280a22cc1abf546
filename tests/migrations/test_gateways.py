"""Payments can be pending or parked; an older version keeps only those that arrived."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded

pytestmark = pytest.mark.mariadb


def test_filled_tables_are_kept(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    arrived = {"payments.status": lambda _number: "succeeded"}
    with upgraded(engine, "0041", rows=20, values=arrived), engine.connect() as connection:
        row = connection.execute(
            sa.text("SELECT reason, action_url, payer, polls FROM payments LIMIT 1")
        ).one()
        assert tuple(row) == ("", "", "", 0)
    engine.dispose()
