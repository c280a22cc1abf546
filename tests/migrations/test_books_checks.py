"""Filled panels get the table of the nightly checks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded

pytestmark = pytest.mark.mariadb


def test_filled_tables_are_kept(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0036", rows=20), engine.begin() as connection:
        assert connection.scalar(sa.text("SELECT COUNT(*) FROM documents")) == 20
        assert connection.scalar(sa.text("SELECT COUNT(*) FROM books_checks")) == 0
    engine.dispose()
