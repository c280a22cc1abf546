"""Renewals find their services by an index; panels that charged services before renew by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra import migrate
from puqpanel.infra.db import engine_for
from puqpanel.infra.migrate import PANEL
from tests.migrations.filled import fill, upgraded

pytestmark = pytest.mark.mariadb
SETTING = sa.text("SELECT value FROM settings WHERE name = 'billing.renewals'")


def test_filled_tables_are_kept(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    uncharged = {"services.paid_until": lambda _number: None}
    with upgraded(engine, "0040", rows=20, values=uncharged), engine.connect() as connection:
        names = {index["name"] for index in sa.inspect(engine).get_indexes("services")}
        assert "ix_services_status_paid_until" in names
        assert connection.scalar(SETTING) is None
    engine.dispose()


def test_automatic_renewals_are_off_where_services_were_charged(
    new_database: Callable[[], str],
) -> None:
    engine = engine_for(new_database())
    migrate.downgrade(engine, PANEL, "0039")
    fill(engine, 5)
    migrate.upgrade(engine, to="0040")
    with engine.connect() as connection:
        assert connection.scalar(SETTING) == "false"
    engine.dispose()
