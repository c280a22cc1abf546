"""Columns and keys of a table in `Schema.create` and `Schema.table`."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from puqpanel.host.contract.names import bind
from puqpanel.infra.db import UtcDateTime


@bind
class Column:
    """A column with chainable modifiers: `table.string("host").nullable()`."""

    def __init__(
        self, name: str, kind: sa.types.TypeEngine[Any], *, autoincrement: bool = False
    ) -> None:
        self.name = name
        self.kind = kind
        self.autoincrement = autoincrement
        self.is_nullable = False
        self.is_unique = False
        self.is_primary = autoincrement
        self.is_indexed = False
        self.server_default: Any = None
        self.check: tuple[str, ...] = ()

    def nullable(self, value: bool = True) -> "Column":
        """Allow NULL."""
        self.is_nullable = bool(value)
        return self

    def default(self, value: Any) -> "Column":
        """Set the database's default value."""
        if isinstance(self.kind, sa.Boolean):
            self.server_default = sa.true() if value else sa.false()
        elif value is not None:
            self.server_default = (
                sa.text(str(value)) if isinstance(value, (int, float)) else str(value)
            )
        return self

    def use_current(self) -> "Column":
        """Default to the time of the insert."""
        self.server_default = sa.func.current_timestamp()
        return self

    def unique(self) -> "Column":
        """Add a unique constraint."""
        self.is_unique = True
        return self

    def primary(self) -> "Column":
        """Make the column the primary key."""
        self.is_primary = True
        return self

    def index(self) -> "Column":
        """Add an index."""
        self.is_indexed = True
        return self

    def unsigned(self) -> "Column":
        """Accept the modifier without effect; not every database supports it."""
        return self

    def comment(self, text: str) -> "Column":
        """Accept the modifier without effect."""
        return self


@bind
class ForeignKey:
    """A foreign key: `table.foreign("service_uuid").references("uuid").on("services")`."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.target_column = "id"
        self.target_table = ""
        self.ondelete: str | None = None

    def references(self, column: str) -> "ForeignKey":
        """Set the referenced column."""
        self.target_column = column
        return self

    def on(self, table: str) -> "ForeignKey":
        """Set the referenced table: one of the module's own, or services, clients or invoices."""
        self.target_table = table
        return self

    def constrained(self, table: str = "", column: str = "id") -> "ForeignKey":
        """Set the referenced table and column.

        Args:
            table: the table; the default derives it from the column, `check_id` → `checks`.
            column: the column.
        """
        self.target_table = table or f"{self.column.removesuffix('_id')}s"
        self.target_column = column
        return self

    def on_delete(self, action: str) -> "ForeignKey":
        """Set what happens when the referenced row is deleted.

        Args:
            action: cascade, set null or restrict.
        """
        self.ondelete = action.upper()
        return self

    def cascade_on_delete(self) -> "ForeignKey":
        """Delete the row together with the referenced one."""
        return self.on_delete("cascade")

    def null_on_delete(self) -> "ForeignKey":
        """Set the column to NULL when the referenced row is deleted."""
        return self.on_delete("set null")


@bind
class ForeignColumn(Column):
    """A column that `constrained()` turns into a foreign key."""

    def __init__(self, blueprint: "Blueprint", name: str) -> None:
        super().__init__(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"))
        self.blueprint = blueprint

    def constrained(self, table: str = "", column: str = "id") -> ForeignKey:
        """Add a foreign key; see `ForeignKey.constrained`."""
        return self.blueprint.foreign(self.name).constrained(table, column)


@bind
class Blueprint:
    """A table definition, passed to the function given to `Schema.create` or `Schema.table`."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.columns: list[Column] = []
        self.foreign_keys: list[ForeignKey] = []
        self.indexes: list[tuple[str, ...]] = []
        self.uniques: list[tuple[str, ...]] = []
        self.primary_key: tuple[str, ...] = ()
        self.dropped: list[str] = []

    def _add(self, name: str, kind: sa.types.TypeEngine[Any]) -> Column:
        column = Column(name, kind)
        self.columns.append(column)
        return column

    def id(self, name: str = "id") -> Column:
        """Add an auto-incrementing primary key."""
        column = Column(
            name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True
        )
        self.columns.append(column)
        return column

    def uuid(self, name: str = "uuid") -> Column:
        """Add a column of 36 characters."""
        return self._add(name, sa.String(36))

    def string(self, name: str, length: int = 255) -> Column:
        """Add a column of short text."""
        return self._add(name, sa.String(length))

    def text(self, name: str) -> Column:
        """Add a column of long text."""
        return self._add(name, sa.Text())

    def integer(self, name: str) -> Column:
        """Add an integer column."""
        return self._add(name, sa.Integer())

    def big_integer(self, name: str) -> Column:
        """Add a 64-bit integer column."""
        return self._add(name, sa.BigInteger())

    def boolean(self, name: str) -> Column:
        """Add a boolean column."""
        return self._add(name, sa.Boolean())

    def decimal(self, name: str, precision: int = 8, places: int = 2) -> Column:
        """Add an exact decimal column."""
        return self._add(name, sa.Numeric(precision, places))

    def json(self, name: str) -> Column:
        """Add a JSON column."""
        return self._add(name, sa.JSON())

    def enum(self, name: str, values: Sequence[str]) -> Column:
        """Add a text column that accepts only these values."""
        column = self._add(name, sa.String(max([40, *(len(value) for value in values)])))
        column.check = tuple(str(value) for value in values)
        return column

    def ip_address(self, name: str = "ip_address") -> Column:
        """Add a column for an IPv4 or IPv6 address."""
        return self._add(name, sa.String(45))

    def date(self, name: str) -> Column:
        """Add a date column."""
        return self._add(name, sa.Date())

    def date_time(self, name: str) -> Column:
        """Add a timestamp column, stored in UTC."""
        return self._add(name, UtcDateTime())

    def timestamp(self, name: str) -> Column:
        """Add a timestamp column, stored in UTC."""
        return self._add(name, UtcDateTime())

    def timestamps(self) -> None:
        """Add nullable `created_at` and `updated_at` columns."""
        for name in ("created_at", "updated_at"):
            self.timestamp(name).nullable()

    def foreign_id(self, name: str) -> ForeignColumn:
        """Add an integer column for another table's id; name the table with `constrained()`."""
        column = ForeignColumn(self, name)
        self.columns.append(column)
        return column

    def foreign(self, column: str) -> ForeignKey:
        """Start a foreign key on a column."""
        key = ForeignKey(column)
        self.foreign_keys.append(key)
        return key

    def index(self, columns: str | Sequence[str]) -> None:
        """Add an index over one or more columns."""
        self.indexes.append(_names(columns))

    def unique(self, columns: str | Sequence[str]) -> None:
        """Add a unique constraint over one or more columns."""
        self.uniques.append(_names(columns))

    def primary(self, columns: str | Sequence[str]) -> None:
        """Set a primary key over one or more columns."""
        self.primary_key = _names(columns)

    def drop_column(self, columns: str | Sequence[str]) -> None:
        """Drop columns; for `Schema.table` only."""
        self.dropped.extend(_names(columns))


def _names(columns: str | Sequence[str]) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else tuple(columns)
