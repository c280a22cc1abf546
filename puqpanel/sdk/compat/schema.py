"""Tables from a module's `activate()`: `Schema.create("servers", build)`, as the texts write it.

Every name gets the module's prefix, written or not, so that no module reaches another's tables or
the panel's.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic.operations import BatchOperations, Operations
from alembic.runtime.migration import MigrationContext

from puqpanel.host import context
from puqpanel.host.contract.names import bind
from puqpanel.host.migrations import engine
from puqpanel.infra.db import in_transaction, release, session, transaction
from puqpanel.infra.migrate import rebuilding
from puqpanel.sdk.compat.blueprint import Blueprint, Column, ForeignKey
from puqpanel.sdk.errors import SchemaError

__all__ = ["Blueprint", "Schema", "SchemaError", "table_name"]

REFERABLE = frozenset({"services", "clients", "invoices"})
_LONGEST = 60
Build = Callable[[Blueprint], Any]


def table_name(name: str) -> str:
    """The name in the database: with the prefix of the module that is being called.

    Raises SchemaError outside a module.
    """
    call = context.current()
    if call is None:
        raise SchemaError(
            f"The table “{name}” was asked for outside a call of a module, so its prefix is not"
            " known."
        )
    full = name if name.startswith(call.prefix) else f"{call.prefix}{name}"
    if not name.replace("_", "").isalnum() or not name.isascii() or len(full) > _LONGEST:
        raise SchemaError(
            f"The table name “{name}” must be letters, digits and underscores and short enough"
            f" ({full})."
        )
    return full.lower()


class _Pending(contextlib.AbstractContextManager[Blueprint]):
    """`with Schema.create("servers") as table:` beside `Schema.create("servers", build)`."""

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
    """Makes, changes and drops the module's own tables, each call in a transaction of its own."""

    @staticmethod
    def create(name: str, build: Build | None = None) -> Any:
        """Makes a table.

        Args: build is called with the Blueprint; without it the answer is a context manager that
        gives one.

        Raises: SchemaError when there is a table of that name with other columns. One with the same
        columns is left as it is, so that `activate()` can run again.
        """
        return _run(name, build, _create)

    @staticmethod
    def table(name: str, build: Build | None = None) -> Any:
        """Changes a table: what the Blueprint names is added, `drop_column` takes away.

        Raises SchemaError.
        """
        return _run(name, build, _alter)

    @staticmethod
    def has_table(name: str) -> bool:
        """Whether the module has that table."""
        return sa.inspect(session().connection()).has_table(table_name(name))

    @staticmethod
    def has_column(name: str, column: str) -> bool:
        """Whether the module's table has that column."""
        full = table_name(name)
        inspector = sa.inspect(session().connection())
        return inspector.has_table(full) and any(
            c["name"] == column for c in inspector.get_columns(full)
        )

    @staticmethod
    def drop_if_exists(name: str) -> None:
        """Drops a table with all its rows; nothing where there is none."""
        with _operations() as (operations, connection):
            full = table_name(name)
            if sa.inspect(connection).has_table(full):
                operations.drop_table(full)

    @staticmethod
    def drop(name: str) -> None:
        """Drops a table with all its rows. Raises SchemaError where there is none."""
        if not Schema.has_table(name):
            raise SchemaError(f"There is no table {name} to drop.")
        Schema.drop_if_exists(name)

    @staticmethod
    def rename(old: str, new: str) -> None:
        """Gives a table another name."""
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
        yield Operations(MigrationContext.configure(connection)), connection


def _create(blueprint: Blueprint) -> None:
    full = table_name(blueprint.table)
    with _operations() as (operations, connection):
        inspector = sa.inspect(connection)
        if inspector.has_table(full):
            there = {column["name"] for column in inspector.get_columns(full)}
            wanted = {column.name for column in blueprint.columns}
            if there == wanted:
                return
            raise SchemaError(
                f"The table {blueprint.table} is there already with other columns"
                f" ({', '.join(sorted(there ^ wanted))}); ask Schema.has_table() first and change"
                " it with Schema.table()."
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
        operations.create_table(full, *parts)
        for names in _indexes(blueprint):
            operations.create_index(_name("ix", full, *names), full, list(names))


def _alter(blueprint: Blueprint) -> None:
    full = table_name(blueprint.table)
    if in_transaction():
        raise SchemaError(
            "Schema.table() cannot run inside a transaction: it makes the table anew on some"
            " databases."
        )
    release()
    with rebuilding(engine()) as connection:
        if not sa.inspect(connection).has_table(full):
            raise SchemaError(
                f"There is no table {blueprint.table} to change; make it with Schema.create()."
            )
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table(full) as batch:
            _alter_in(batch, full, blueprint)


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
    # Values written out: a constraint cannot carry parameters.
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
        raise SchemaError(f"The foreign key of {key.column} does not say which table it is on.")
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
    """A constraint's name, short enough for every database."""
    name = "_".join((kind, *parts))
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
