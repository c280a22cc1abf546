"""The table of uploaded files."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded


def test_files_hold_bytes_larger_than_a_text(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    content = bytes(range(256)) * 2048
    with upgraded(engine, "0007", rows=20), engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO files VALUES (:digest, 'image/png', :content, :at)"),
            {"digest": "d" * 64, "content": content, "at": "2026-01-02 03:04:05"},
        )
        assert bytes(connection.scalar(sa.text("SELECT content FROM files")) or b"") == content
    engine.dispose()
