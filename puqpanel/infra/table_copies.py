"""Copy tables of a database into an SQLite file, as they are at one moment."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from puqpanel.infra import schema_revision
from puqpanel.infra.db import Model

CHUNK = 1000
"""Rows that are read and inserted at once."""
Conditions = Mapping[sa.Table, sa.ColumnElement[bool]]
_REVISION = sa.Table(
    schema_revision.TABLE, sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True)
)


def copy(
    source: Engine,
    file: Path,
    *,
    conditions: Conditions,
    without: Collection[str] = (),
    progress: Callable[[int], object] = lambda rows: None,
) -> None:
    """Create an SQLite file with the tables of the panel, and copy their rows into it.

    Args:
        source: any database that the panel supports; it is only read, in one snapshot.
        file: does not exist yet.
        conditions: which rows of a table are copied; all of them unless given.
        without: names of tables that stay empty.
        progress: called with the number of rows after each chunk.
    """
    tables = Model.metadata.sorted_tables
    target = sa.create_engine(f"sqlite:///{file}")
    try:
        with _snapshot(source) as reader, target.begin() as writer:
            Model.metadata.create_all(writer)
            _REVISION.create(writer)
            for table in (*tables, _REVISION):
                if table.name not in without:
                    _copy_rows(reader, writer, table, conditions.get(table), progress)
    finally:
        target.dispose()


def belonging_to(table: sa.Table, condition: sa.ColumnElement[bool]) -> Conditions:
    """Return the conditions of the rows of a table, and of all rows that refer to them.

    Rows that refer to other rows of the table are left out, with all that refers to them; tables
    without such references are not limited.

    Args:
        table: the table.
        condition: which of its rows.
    """
    kept = {table: condition}
    for each in Model.metadata.sorted_tables:
        parts = []
        for key in each.foreign_keys:
            other = key.column.table
            if each in kept or other is each or other not in kept:
                continue
            inside = key.parent.in_(sa.select(key.column).where(kept[other]))
            parts.append(sa.or_(key.parent.is_(None), inside) if key.parent.nullable else inside)
        if parts:
            kept[each] = sa.and_(*parts)
    return kept


def count(source: Engine, conditions: Conditions, without: Collection[str] = ()) -> int:
    """Return how many rows `copy` copies."""
    with source.connect() as reader:
        total = 0
        for table in Model.metadata.sorted_tables:
            if table.name not in without:
                query = sa.select(sa.func.count()).select_from(table)
                found = conditions.get(table)
                total += reader.scalar(query if found is None else query.where(found)) or 0
    return total


@contextlib.contextmanager
def _snapshot(source: Engine) -> Iterator[Connection]:
    """Open a connection that reads everything as it is now."""
    with source.connect() as connection:
        options: dict[str, Any] = {"yield_per": CHUNK}
        if source.dialect.name != "sqlite":
            options["isolation_level"] = "REPEATABLE READ"
        yield connection.execution_options(**options)


def _copy_rows(
    reader: Connection,
    writer: Connection,
    table: sa.Table,
    condition: sa.ColumnElement[bool] | None,
    progress: Callable[[int], object],
) -> None:
    query = sa.select(table) if condition is None else sa.select(table).where(condition)
    for chunk in reader.execute(query).mappings().partitions():
        writer.execute(sa.insert(table), [dict(row) for row in chunk])
        progress(len(chunk))
