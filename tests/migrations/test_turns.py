"""The columns for the order of waiting tasks."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded


def test_tasks_have_no_turn_until_they_are_sent_again(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with (
        upgraded(engine, "0019", rows=20, changed={"tasks.queue"}, lost={"tasks.queue"}),
        engine.begin() as connection,
    ):
        rows = connection.execute(sa.text("SELECT flow, turn FROM tasks")).all()
        assert {tuple(row) for row in rows} == {("", None)}
        connection.execute(sa.text("UPDATE tasks SET turn = 5, flow = 'client:1'"))
    engine.dispose()
