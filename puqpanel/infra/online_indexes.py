"""Indexes that PostgreSQL makes without blocking writes, which it cannot do in a transaction.

A revision declares those that it adds to tables with many rows:

    ONLINE_INDEXES = {"ix_services_revenue": ("services", ("status", "currency"))}

They are made before the transaction of the migrations, as far as their columns exist; the revision
makes them all the same with `create`, which leaves those out. A run that was interrupted leaves an
invalid index, which the next one drops.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Connection, Engine

LOCK = 0x70757170616E656C  # "puqpanel"
Declared = Mapping[str, tuple[str, tuple[str, ...]]]
_VALID = sa.text(
    "SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE i.indrelid = to_regclass(:table) AND c.relname = :name"
)


class Index(NamedTuple):
    """An index: its name, its table, its columns, and what follows the table in the statement."""

    name: str
    table: str
    columns: tuple[str, ...]
    body: str


def create(indexes: Declared) -> None:
    """Make the indexes of a revision that do not exist yet."""
    online = op.get_bind().dialect.name == "postgresql"
    for name, (table, columns) in indexes.items():
        op.create_index(name, table, list(columns), if_not_exists=online or None)


def make_declared(engine: Engine, revisions: Iterable[Declared]) -> None:
    """Make the indexes of revisions on PostgreSQL."""
    indexes = [
        Index(name, table, columns, f"({', '.join(columns)})")
        for declared in revisions
        for name, (table, columns) in declared.items()
    ]
    if indexes and engine.dialect.name == "postgresql":
        with alone(engine) as connection:
            make(connection, indexes)


@contextmanager
def alone(engine: Engine) -> Iterator[Connection]:
    """Connect in autocommit mode, one host at a time; the lock goes with the connection.

    It is asked for again and again, because a statement that waited for it would in turn be waited
    for by the index that another host makes.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(LOCK))):
            time.sleep(0.5)
        try:
            yield connection
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(LOCK)))


def make(connection: Connection, indexes: Iterable[Index]) -> None:
    """Make indexes that are missing or invalid, of columns that exist.

    Args:
        connection: what `alone` returned.
        indexes: the indexes.
    """
    for index in missing(connection, indexes):
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {index.name}")
        connection.exec_driver_sql(
            f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index.name} ON {index.table} {index.body}"
        )


def missing(connection: Connection, indexes: Iterable[Index]) -> list[Index]:
    """Return the indexes that are not there or not valid."""
    inspector, found = sa.inspect(connection), []
    for index in indexes:
        names = inspector.get_columns(index.table) if inspector.has_table(index.table) else ()
        valid = connection.scalar(_VALID, {"table": index.table, "name": index.name})
        if {column["name"] for column in names} >= set(index.columns) and not valid:
            found.append(index)
    return found
