"""The dashboard's indexes come and go with the rows unchanged."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded


def test_services_keep_their_values(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0018"):
        names = {index["name"] for index in sa.inspect(engine).get_indexes("services")}
        assert {"ix_services_revenue", "ix_services_troubled"} <= names
    engine.dispose()
