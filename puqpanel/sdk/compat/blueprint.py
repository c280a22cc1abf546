"""The `table` object of `Schema.create` and `Schema.table`: columns and keys as the texts write
them.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from puqpanel.host.contract.names import bind
from puqpanel.infra.db import UtcDateTime


@bind
class Column:
    """One column; its modifiers can be chained."""

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
        """May hold nothing."""
        self.is_nullable = bool(value)
        return self

    def default(self, value: Any) -> "Column":
        """What the database fills in."""
        if isinstance(self.kind, sa.Boolean):
            self.server_default = sa.true() if value else sa.false()
        elif value is not None:
            self.server_default = (
                sa.text(str(value)) if isinstance(value, (int, float)) else str(value)
            )
        return self

    def use_current(self) -> "Column":
        """Filled with the moment of the insert."""
        self.server_default = sa.func.current_timestamp()
        return self

    def unique(self) -> "Column":
        """No value twice."""
        self.is_unique = True
        return self

    def primary(self) -> "Column":
        """The primary key."""
        self.is_primary = True
        return self

    def index(self) -> "Column":
        """Found quickly."""
        self.is_indexed = True
        return self

    def unsigned(self) -> "Column":
        """Accepted and without effect: not every database has it."""
        return self

    def comment(self, text: str) -> "Column":
        """Accepted and without effect."""
        return self


@bind
class ForeignKey:
    """What one column refers to:
    `table.foreign("service_uuid").references("uuid").on("services")`.
    """

    def __init__(self, column: str) -> None:
        self.column = column
        self.target_column = "id"
        self.target_table = ""
        self.ondelete: str | None = None

    def references(self, column: str) -> "ForeignKey":
        """The column referred to."""
        self.target_column = column
        return self

    def on(self, table: str) -> "ForeignKey":
        """The table referred to: one of the module's own, or services, clients, invoices."""
        self.target_table = table
        return self

    def constrained(self, table: str = "", column: str = "id") -> "ForeignKey":
        """The short form of `foreign_id`; the table's name is taken from `check_id` → `checks`
        where it is not given.
        """
        self.target_table = table or f"{self.column.removesuffix('_id')}s"
        self.target_column = column
        return self

    def on_delete(self, action: str) -> "ForeignKey":
        """What happens to the row when the other goes: cascade, set null, restrict."""
        self.ondelete = action.upper()
        return self

    def cascade_on_delete(self) -> "ForeignKey":
        """It goes too."""
        return self.on_delete("cascade")

    def null_on_delete(self) -> "ForeignKey":
        """It forgets."""
        return self.on_delete("set null")


@bind
class ForeignColumn(Column):
    """A column that `constrained()` makes a foreign key."""

    def __init__(self, blueprint: "Blueprint", name: str) -> None:
        super().__init__(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"))
        self.blueprint = blueprint

    def constrained(self, table: str = "", column: str = "id") -> ForeignKey:
        """As `ForeignKey.constrained`."""
        return self.blueprint.foreign(self.name).constrained(table, column)


@bind
class Blueprint:
    """Collects what a table is to have; `Schema` builds it."""

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
        """A number that counts up, the primary key."""
        column = Column(
            name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True
        )
        self.columns.append(column)
        return column

    def uuid(self, name: str = "uuid") -> Column:
        """36 characters."""
        return self._add(name, sa.String(36))

    def string(self, name: str, length: int = 255) -> Column:
        """A short text."""
        return self._add(name, sa.String(length))

    def text(self, name: str) -> Column:
        """A long text."""
        return self._add(name, sa.Text())

    def integer(self, name: str) -> Column:
        """A whole number."""
        return self._add(name, sa.Integer())

    def big_integer(self, name: str) -> Column:
        """A large whole number."""
        return self._add(name, sa.BigInteger())

    def boolean(self, name: str) -> Column:
        """True or false."""
        return self._add(name, sa.Boolean())

    def decimal(self, name: str, precision: int = 8, places: int = 2) -> Column:
        """An exact number."""
        return self._add(name, sa.Numeric(precision, places))

    def json(self, name: str) -> Column:
        """A structure."""
        return self._add(name, sa.JSON())

    def enum(self, name: str, values: Sequence[str]) -> Column:
        """One of a few words; the database refuses any other."""
        column = self._add(name, sa.String(max([40, *(len(value) for value in values)])))
        column.check = tuple(str(value) for value in values)
        return column

    def ip_address(self, name: str = "ip_address") -> Column:
        """An address of either kind."""
        return self._add(name, sa.String(45))

    def date(self, name: str) -> Column:
        """A day."""
        return self._add(name, sa.Date())

    def date_time(self, name: str) -> Column:
        """A moment, kept in UTC."""
        return self._add(name, UtcDateTime())

    def timestamp(self, name: str) -> Column:
        """A moment, kept in UTC."""
        return self._add(name, UtcDateTime())

    def timestamps(self) -> None:
        """`created_at` and `updated_at`."""
        for name in ("created_at", "updated_at"):
            self.timestamp(name).nullable()

    def foreign_id(self, name: str) -> ForeignColumn:
        """A number that refers to another table's id; say which with `constrained()`."""
        column = ForeignColumn(self, name)
        self.columns.append(column)
        return column

    def foreign(self, column: str) -> ForeignKey:
        """Begins a foreign key."""
        key = ForeignKey(column)
        self.foreign_keys.append(key)
        return key

    def index(self, columns: str | Sequence[str]) -> None:
        """An index over one column or several."""
        self.indexes.append(_names(columns))

    def unique(self, columns: str | Sequence[str]) -> None:
        """No combination twice."""
        self.uniques.append(_names(columns))

    def primary(self, columns: str | Sequence[str]) -> None:
        """The primary key over several columns."""
        self.primary_key = _names(columns)

    def drop_column(self, columns: str | Sequence[str]) -> None:
        """In `Schema.table`: takes columns away."""
        self.dropped.extend(_names(columns))


def _names(columns: str | Sequence[str]) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else tuple(columns)
