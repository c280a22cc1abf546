"""Indexes that PostgreSQL builds without blocking writes, which is impossible in a transaction.

A revision declares the indexes that it adds to large tables:

    ONLINE_INDEXES = {"ix_services_revenue": ("services", ("status", "currency"))}

Those whose columns exist are built before the transaction of the migrations. The revision also
calls `create`, which builds the ones that are still missing. An interrupted run leaves an invalid
index, which the next run drops and builds again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import sqlalchemy as sa
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
    """Create the indexes of a revision that do not exist yet."""
    from alembic import op  # slow to import, and searches use this module too

    online = op.get_bind().dialect.name == "postgresql"
    for name, (table, columns) in indexes.items():
        op.create_index(name, table, list(columns), if_not_exists=online or None)


def create_declared(engine: Engine, revisions: Iterable[Declared]) -> None:
    """Create the declared indexes of revisions, on PostgreSQL only."""
    indexes = [
        Index(name, table, columns, f"({', '.join(columns)})")
        for declared in revisions
        for name, (table, columns) in declared.items()
    ]
    if indexes and engine.dialect.name == "postgresql":
        with exclusive_connection(engine) as connection:
            create_missing(connection, indexes)


@contextmanager
def exclusive_connection(engine: Engine) -> Iterator[Connection]:
    """Connect in autocommit mode while holding the lock that only one host has at a time.

    It polls for the lock: CREATE INDEX CONCURRENTLY on another host would wait for a statement that
    blocks on the lock, and both would deadlock. If the connection breaks, the lock is released.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(LOCK))):
            time.sleep(0.5)
        try:
            yield connection
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(LOCK)))


def create_missing(connection: Connection, indexes: Iterable[Index]) -> None:
    """Create the indexes that are missing or invalid and whose columns exist.

    Args:
        connection: from `exclusive_connection`.
        indexes: the indexes.
    """
    for index in missing(connection, indexes):
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {index.name}")
        connection.exec_driver_sql(
            f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index.name} ON {index.table} {index.body}"
        )


def missing(connection: Connection, indexes: Iterable[Index]) -> list[Index]:
    """Return the indexes that are missing or invalid and whose columns exist."""
    inspector, found = sa.inspect(connection), []
    for index in indexes:
        names = inspector.get_columns(index.table) if inspector.has_table(index.table) else ()
        valid = connection.scalar(_VALID, {"table": index.table, "name": index.name})
        if {column["name"] for column in names} >= set(index.columns) and not valid:
            found.append(index)
    return found
