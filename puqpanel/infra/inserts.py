"""Insert many rows with one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

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


def insert_missing(
    model: type[Model], rows: Sequence[Mapping[str, Any]], keys: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Insert the rows whose unique key is not in use; requires `transaction()`.

    A transaction that inserts the same key at the same time is waited for.

    Args:
        model: their table.
        rows: values by column, of the same columns in each row; defaults fill the others.
        keys: the columns to return.

    Returns:
        The values of `keys` of the rows that were inserted, in any order.
    """
    current = session()
    current.flush()
    if not rows:
        return []
    table = cast("sa.Table", model.__table__)
    returned = [table.c[key] for key in keys]
    dialect, statement = current.get_bind().dialect.name, sa.insert(table)
    if dialect == "postgresql":
        statement = postgresql.insert(table).on_conflict_do_nothing()
    elif dialect == "sqlite":
        statement = sqlite.insert(table).on_conflict_do_nothing()
    else:
        statement = mysql.insert(table).prefix_with("IGNORE")
    return [tuple(row) for row in current.execute(statement.returning(*returned), rows)]
