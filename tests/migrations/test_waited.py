"""The column for how long a task has waited, and the status of tasks that wait."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded


def test_waiting_tasks_can_run_after_a_downgrade(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0013", rows=20, lost={"tasks.status"}), engine.begin() as connection:
        assert set(connection.scalars(sa.text("SELECT waited FROM tasks"))) == {0}
        connection.execute(sa.text("UPDATE tasks SET status = 'waiting'"))
    with engine.connect() as connection:
        assert set(connection.scalars(sa.text("SELECT status FROM tasks"))) == {"retrying"}
    engine.dispose()
