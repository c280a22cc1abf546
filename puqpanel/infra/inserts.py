"""Insert many rows with one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa

from puqpanel.infra.db import Model, session


def insert_all(
    model: type[Model], rows: Sequence[Mapping[str, Any]], unique: str = ""
) -> list[int]:
    """Insert many rows without loading them; requires `transaction()`.

    Args:
        model: their table.
        rows: values by column, of the same columns in each row; defaults fill the others.
        unique: a column that identifies each row, to return the ids in the order of the rows.
    """
    current = session()
    current.flush()  # rows that were added to the session come first
    if not rows:
        return []
    table = cast("sa.Table", model.__table__)
    insert = table.insert()
    if not unique:
        current.execute(insert, rows)
        return []
    # sorted by the database, SQLite would insert row by row
    inserted = current.execute(insert.returning(table.c[unique], table.c.id), rows)
    ids: dict[Any, int] = {row[0]: row[1] for row in inserted}
    return [ids[row[unique]] for row in rows]
