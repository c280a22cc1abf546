"""Renewals find their services by an index; the rows stay as they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded

pytestmark = pytest.mark.mariadb


def test_filled_tables_are_kept(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0040", rows=20):
        names = {index["name"] for index in sa.inspect(engine).get_indexes("services")}
        assert "ix_services_status_paid_until" in names
    engine.dispose()
