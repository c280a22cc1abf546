"""Creation and alteration of the module's own tables in `activate()` and `update()`.

Table names get the module's prefix, written or not, so that a module cannot reach the tables of the
panel or of another module.

Alembic is imported when it is used, because every module imports this file.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from puqpanel.host import context
from puqpanel.host.contract.names import bind
from puqpanel.infra.db import in_transaction, release, session, transaction
from puqpanel.sdk.compat.blueprint import Blueprint, Column, ForeignKey
from puqpanel.sdk.errors import SchemaError

if TYPE_CHECKING:
    from alembic.operations import BatchOperations, Operations

__all__ = ["Blueprint", "Schema", "SchemaError", "table_name"]

REFERABLE = frozenset({"services", "clients", "invoices"})
_MAX_NAME_LENGTH = 60
Build = Callable[[Blueprint], Any]


def table_name(name: str) -> str:
    """Return the name in the database, with the prefix of the module being called.

    Raises:
        SchemaError: called outside a module, or the name is invalid or too long.
    """
    call = context.current()
    if call is None:
        raise SchemaError(
            f"The table “{name}” was used outside a call of a module, so its prefix is unknown."
        )
    full = name if name.startswith(call.prefix) else f"{call.prefix}{name}"
    if not name.replace("_", "").isalnum() or not name.isascii() or len(full) > _MAX_NAME_LENGTH:
        raise SchemaError(
            f"The table name “{name}” must consist of letters, digits and underscores and be at"
            f" most {_MAX_NAME_LENGTH} characters long with its prefix ({full})."
        )
    return full.lower()


class _Pending(contextlib.AbstractContextManager[Blueprint]):
    """`with Schema.create("servers") as table:` instead of a function."""

    def __init__(self, name: str, done: Callable[[Blueprint], None]) -> None:
        self.blueprint = Blueprint(name)
        self.done = done

    def __enter__(self) -> Blueprint:
        return self.blueprint

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.done(self.blueprint)


@bind
class Schema:
    """Creates, alters and drops the module's own tables, each call in a transaction of its own.

    For example:

        Schema.create("servers", lambda table: (table.id(), table.string("host")))
    """

    @staticmethod
    def create(name: str, build: Build | None = None) -> Any:
        """Create a table.

        A table with the same columns is left unchanged, so that `activate()` can be repeated.

        Args:
            name: the table's name.
            build: called with the Blueprint; without it, returns a context manager that provides
                one.

        Raises:
            SchemaError: a table of that name has other columns.
        """
        return _run(name, build, _create)

    @staticmethod
    def table(name: str, build: Build | None = None) -> Any:
        """Alter a table: add what the Blueprint defines, and drop its `drop_column` columns.

        Columns that exist and dropped columns that do not are left out, so that `update()` can be
        repeated.

        Args:
            name: the table's name.
            build: called with the Blueprint; without it, returns a context manager that provides
                one.

        Raises:
            SchemaError: the table does not exist, or a new column has neither a default nor
                `nullable()`.
        """
        return _run(name, build, _alter)

    @staticmethod
    def has_table(name: str) -> bool:
        """Return whether the module has this table."""
        return sa.inspect(session().connection()).has_table(table_name(name))

    @staticmethod
    def has_column(name: str, column: str) -> bool:
        """Return whether the module's table has this column."""
        full = table_name(name)
        inspector = sa.inspect(session().connection())
        return inspector.has_table(full) and any(
            c["name"] == column for c in inspector.get_columns(full)
        )

    @staticmethod
    def drop_if_exists(name: str) -> None:
        """Drop a table with all its rows, if it exists."""
        with _operations() as (operations, connection):
            full = table_name(name)
            if sa.inspect(connection).has_table(full):
                operations.drop_table(full)

    @staticmethod
    def drop(name: str) -> None:
        """Drop a table with all its rows.

        Raises:
            SchemaError: the table does not exist.
        """
        if not Schema.has_table(name):
            raise SchemaError(f"There is no table {name} to drop.")
        Schema.drop_if_exists(name)

    @staticmethod
    def rename(old: str, new: str) -> None:
        """Rename a table."""
        with _operations() as (operations, _):
            operations.rename_table(table_name(old), table_name(new))


def _run(name: str, build: Build | None, work: Callable[[Blueprint], None]) -> Any:
    table_name(name)
    if build is None:
        return _Pending(name, work)
    blueprint = Blueprint(name)
    build(blueprint)
    work(blueprint)
    return None


@contextlib.contextmanager
def _operations() -> Iterator[tuple[Operations, sa.Connection]]:
    with transaction() as current:
        connection = current.connection()
        yield _operations_on(connection), connection


def _operations_on(connection: sa.Connection) -> Operations:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    return Operations(MigrationContext.configure(connection))


def _create(blueprint: Blueprint) -> None:
    from puqpanel.infra.migrate import TABLE_OPTIONS

    full = table_name(blueprint.table)
    with _operations() as (operations, connection):
        inspector = sa.inspect(connection)
        if inspector.has_table(full):
            existing = {column["name"] for column in inspector.get_columns(full)}
            defined = {column.name for column in blueprint.columns}
            if existing == defined:
                return
            raise SchemaError(
                f"The table {blueprint.table} already exists with other columns"
                f" ({', '.join(sorted(existing ^ defined))}); check Schema.has_table() first and"
                " alter it with Schema.table()."
            )
        if not blueprint.columns:
            raise SchemaError(f"The table {blueprint.table} has no columns.")
        parts: list[Any] = [_column(column) for column in blueprint.columns]
        primary = blueprint.primary_key or tuple(c.name for c in blueprint.columns if c.is_primary)
        if primary:
            parts.append(sa.PrimaryKeyConstraint(*primary, name=_name("pk", full)))
        parts += [_foreign(full, key) for key in blueprint.foreign_keys]
        parts += [
            sa.UniqueConstraint(*names, name=_name("uq", full, *names))
            for names in _uniques(blueprint)
        ]
        parts += [_check(full, column) for column in blueprint.columns if column.check]
        operations.create_table(full, *parts, **TABLE_OPTIONS)
        for names in _indexes(blueprint):
            operations.create_index(_name("ix", full, *names), full, list(names))


def _alter(blueprint: Blueprint) -> None:
    full = table_name(blueprint.table)
    if in_transaction():
        raise SchemaError(
            "Schema.table() cannot run inside a transaction: it rebuilds the table on some"
            " databases."
        )
    from puqpanel.host.migrations import engine
    from puqpanel.infra.migrate import rebuilding

    release()
    with rebuilding(engine()) as connection:
        if not sa.inspect(connection).has_table(full):
            raise SchemaError(
                f"There is no table {blueprint.table} to alter; create it with Schema.create()."
            )
        _leave_out_done(blueprint, full, sa.inspect(connection))
        with _operations_on(connection).batch_alter_table(full) as batch:
            _alter_in(batch, full, blueprint)


def _leave_out_done(blueprint: Blueprint, full: str, inspector: sa.Inspector) -> None:
    """Remove from a Blueprint what an earlier run did already."""
    existing = {column["name"] for column in inspector.get_columns(full)}
    done = {
        *(found["name"] for found in inspector.get_indexes(full)),
        *(found["name"] for found in inspector.get_unique_constraints(full)),
        *(found["name"] for found in inspector.get_foreign_keys(full)),
    }
    # unique and indexed columns become constraints of the table, which exist on their own
    uniques, indexes = _uniques(blueprint), _indexes(blueprint)
    blueprint.uniques = [one for one in uniques if _name("uq", full, *one) not in done]
    blueprint.indexes = [one for one in indexes if _name("ix", full, *one) not in done]
    for column in blueprint.columns:
        column.is_unique = column.is_indexed = False
    new = {column.name for column in blueprint.columns} - (existing - set(blueprint.dropped))
    blueprint.columns = [column for column in blueprint.columns if column.name in new]
    blueprint.dropped = [name for name in blueprint.dropped if name in existing]
    blueprint.foreign_keys = [
        key for key in blueprint.foreign_keys if _name("fk", full, key.column) not in done
    ]


def _alter_in(batch: BatchOperations, full: str, blueprint: Blueprint) -> None:
    for name in blueprint.dropped:
        batch.drop_column(name)
    for column in blueprint.columns:
        if not column.is_nullable and column.server_default is None:
            raise SchemaError(
                f"The new column {column.name} needs nullable() or default(): the table may have"
                " rows."
            )
        batch.add_column(_column(column))
        if column.check:
            batch.create_check_constraint(_name("ck", full, column.name), _condition(column))
    for key in blueprint.foreign_keys:
        table, target = _target(key)
        name = _name("fk", full, key.column)
        batch.create_foreign_key(name, table, [key.column], [target], ondelete=key.ondelete)
    for names in _uniques(blueprint):
        batch.create_unique_constraint(_name("uq", full, *names), list(names))
    for names in _indexes(blueprint):
        batch.create_index(_name("ix", full, *names), list(names))


def _column(column: Column) -> sa.Column[Any]:
    return sa.Column(
        column.name,
        column.kind,
        nullable=column.is_nullable and not column.is_primary,
        server_default=column.server_default,
        autoincrement=column.autoincrement,
    )


def _uniques(blueprint: Blueprint) -> list[tuple[str, ...]]:
    return [*blueprint.uniques, *((c.name,) for c in blueprint.columns if c.is_unique)]


def _indexes(blueprint: Blueprint) -> list[tuple[str, ...]]:
    return [*blueprint.indexes, *((c.name,) for c in blueprint.columns if c.is_indexed)]


def _condition(column: Column) -> sa.ColumnElement[bool]:
    # literals, because a constraint cannot have parameters
    allowed: sa.ColumnElement[bool] = sa.column(column.name, sa.String).in_(
        [sa.literal_column(_quoted(v)) for v in column.check]
    )
    return allowed


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _check(full: str, column: Column) -> sa.CheckConstraint:
    return sa.CheckConstraint(_condition(column), name=_name("ck", full, column.name))


def _target(key: ForeignKey) -> tuple[str, str]:
    if not key.target_table:
        raise SchemaError(f"The foreign key of {key.column} names no table; add on().")
    if key.target_table in REFERABLE:
        if key.target_column != "uuid":
            raise SchemaError(f"A module's table may refer to {key.target_table} by uuid only.")
        return key.target_table, key.target_column
    return table_name(key.target_table), key.target_column


def _foreign(full: str, key: ForeignKey) -> sa.ForeignKeyConstraint:
    table, target = _target(key)
    name = _name("fk", full, key.column)
    return sa.ForeignKeyConstraint(
        [key.column], [f"{table}.{target}"], name=name, ondelete=key.ondelete
    )


def _name(kind: str, *parts: str) -> str:
    """Return a constraint's name, short enough for every database."""
    name = "_".join((kind, *parts))
    if len(name) <= _MAX_NAME_LENGTH:
        return name
    return f"{name[: _MAX_NAME_LENGTH - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
