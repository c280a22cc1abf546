"""Documents that were written before they had a public link."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded


def test_links_of_earlier_documents_were_never_renewed(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with upgraded(engine, "0023", rows=20), engine.begin() as connection:
        rows = connection.execute(sa.text("SELECT link_renewals FROM documents")).all()
        assert [tuple(row) for row in rows] == [(0,)] * 20
    engine.dispose()
