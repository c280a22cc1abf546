"""Trigram indexes, which find a word inside texts without reading every row.

PostgreSQL has GIN indexes of pg_trgm; SQLite has an FTS5 table for each table, which triggers
maintain, also when older code writes. MariaDB has neither and reads every row, as does a search for
a word of fewer than three characters.

They are not part of the migrations: they are created afterwards, outside of the transaction, and
again if they are missing or invalid. Without them, searches find the same rows, only more slowly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Session

from puqpanel.infra import online_indexes
from puqpanel.infra.online_indexes import Index

log = structlog.get_logger(__name__)

INDEXED = {"clients": "search_text", "services": "search_text", "users": "email"}
"""Table → column."""
PREFIX = "trigrams_"
"""Prefix of the names of the indexes, and of the tables and triggers on SQLite."""
LENGTH = 3
"""Minimum number of characters of a word that an index can find."""
TRIGGERS = {
    "insert": "AFTER INSERT ON {table} BEGIN {add}; END",
    "delete": "AFTER DELETE ON {table} BEGIN {remove}; END",
    "update": "AFTER UPDATE OF id, {column} ON {table} BEGIN {remove}; {add}; END",
}


def containing(session: Session, column: Any, words: Sequence[str]) -> sa.Select[int]:
    """Select the ids of rows whose column contains all words, by an index if there is one.

    Args:
        session: the session to read from.
        column: the column; its table has the key `id`.
        words: the words.
    """
    source = column.expression.table
    key, text = source.c.id, source.c[column.key]
    conditions = []
    long = [word.replace('"', '""') for word in words if len(word) >= LENGTH]
    if long and _has_table(session, source.name):
        name = PREFIX + source.name
        index = sa.table(name, *map(sa.column, ("rowid", column.key, name)))
        key, text = index.c.rowid, index.c[column.key]
        conditions = [index.c[name].op("MATCH")(" ".join(f'"{word}"' for word in long))]
    conditions += [text.contains(word, autoescape=True) for word in words]
    return sa.select(key).where(*conditions)


def _has_table(session: Session, table: str) -> bool:
    if table not in INDEXED or session.get_bind().dialect.name != "sqlite":
        return False
    if "trigrams" not in session.info:  # a session serves one request
        session.info["trigrams"] = _triggers(session.connection())
    return f"{PREFIX}{table}_insert" in session.info["trigrams"]


def _triggers(connection: Connection) -> set[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    return {name for (name,) in connection.exec_driver_sql(query) if name.startswith(PREFIX)}


def create_missing(engine: Engine) -> None:
    """Create indexes that are missing or invalid; log why if they cannot be created."""
    try:
        if engine.dialect.name == "postgresql":
            _make_on_postgresql(engine)
        elif engine.dialect.name == "sqlite":
            _make_on_sqlite(engine)
    except sa.exc.DBAPIError as error:
        log.warning("search indexes could not be created", cause=str(error.orig).strip())


def drop(engine: Engine) -> None:
    """Drop the indexes of SQLite, which dropping their tables would leave behind."""
    if engine.dialect.name == "sqlite":
        with engine.connect().execution_options(panel_write=True) as connection, connection.begin():
            for table in INDEXED:
                _drop_on_sqlite(connection, table)


def _make_on_postgresql(engine: Engine) -> None:
    indexes = [
        Index(PREFIX + table, table, (column,), f"USING gin ({column} gin_trgm_ops)")
        for table, column in INDEXED.items()
    ]
    with online_indexes.exclusive_connection(engine) as connection:
        if online_indexes.missing(connection, indexes):
            connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            online_indexes.create_missing(connection, indexes)


def _make_on_sqlite(engine: Engine) -> None:
    with engine.connect() as connection:
        tables = dict(_tables(connection))
        expected = {f"{PREFIX}{table}_{event}" for table in tables for event in TRIGGERS}
        has_fts, triggers = _has_fts(connection), _triggers(connection)
    if triggers >= expected if has_fts else not triggers:
        return
    with engine.connect().execution_options(panel_write=True) as connection, connection.begin():
        triggers = _triggers(connection)
        for table, column in tables.items():
            names = {f"{PREFIX}{table}_{event}" for event in TRIGGERS}
            if not has_fts:  # a trigger would fail
                for name in names & triggers:
                    connection.exec_driver_sql(f"DROP TRIGGER {name}")
            elif not names <= triggers:
                _drop_on_sqlite(connection, table)
                _make_table(connection, table, column)
    if not has_fts:
        cause = "This SQLite has no FTS5 with trigrams."
        log.warning("search indexes could not be created", cause=cause)


def _tables(connection: Connection) -> Iterable[tuple[str, str]]:
    inspector = sa.inspect(connection)
    for table, column in INDEXED.items():
        columns = inspector.get_columns(table) if inspector.has_table(table) else ()
        if any(found["name"] == column for found in columns):
            yield table, column


def _has_fts(connection: Connection) -> bool:
    try:
        connection.exec_driver_sql(
            "CREATE VIRTUAL TABLE temp.trigrams_try USING fts5(x, tokenize='trigram')"
        )
    except sa.exc.DBAPIError:
        return False
    connection.exec_driver_sql("DROP TABLE temp.trigrams_try")
    return True


def _make_table(connection: Connection, table: str, column: str) -> None:
    name = PREFIX + table
    add = f"INSERT INTO {name} (rowid, {column})"
    connection.exec_driver_sql(
        f"CREATE VIRTUAL TABLE {name} USING fts5({column}, tokenize='trigram')"
    )
    connection.exec_driver_sql(f"{add} SELECT id, {column} FROM {table}")  # noqa: S608 (constants)
    for event, text in TRIGGERS.items():
        body = text.format(
            table=table,
            column=column,
            add=f"{add} VALUES (new.id, new.{column})",
            remove=f"DELETE FROM {name} WHERE rowid = old.id",  # noqa: S608
        )
        connection.exec_driver_sql(f"CREATE TRIGGER {name}_{event} {body}")


def _drop_on_sqlite(connection: Connection, table: str) -> None:
    for event in TRIGGERS:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {PREFIX}{table}_{event}")
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {PREFIX}{table}")
