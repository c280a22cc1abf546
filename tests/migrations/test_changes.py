"""The table of changes of services, and the key of charges."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded


def test_periods_that_were_charged_stay_charged_once(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    values = {"charges.live": lambda _: True}
    with upgraded(engine, "0028", rows=20, values=values):
        with engine.begin() as connection:
            uuids = connection.scalars(sa.text("SELECT change_uuid FROM charges")).all()
            assert set(uuids) == {""} and len(uuids) == 20
        columns = "service_id, document_id, kind, period_start, period_end, currency, amount_minor"
        again = sa.text(
            f"INSERT INTO charges (id, {columns}, live, created_at, change_uuid)"
            f" SELECT id + 1000, {columns}, live, created_at, :change FROM charges WHERE id = 10"
        )
        with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
            connection.execute(again, {"change": ""})
        with engine.begin() as connection:
            connection.execute(again, {"change": "a change"})
            connection.execute(sa.text("DELETE FROM charges WHERE id > 1000"))
    engine.dispose()
