"""The query builder over the module's own tables: `DB.table("servers").where("active", True)`."""

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import TINYINT

from puqpanel.host.contract.names import bind
from puqpanel.infra.db import UtcDateTime, session, transaction
from puqpanel.sdk.compat.schema import SchemaError, table_name
from puqpanel.tasks import fence

_SIGNS = {
    "=": "__eq__",
    "==": "__eq__",
    "!=": "__ne__",
    "<>": "__ne__",
    "<": "__lt__",
    "<=": "__le__",
    ">": "__gt__",
    ">=": "__ge__",
}
_MISSING = object()


@bind
class Row(dict[str, Any]):
    """One row: `row.name` and `row["name"]` are the same."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the row has no column {name}") from None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as a dictionary."""
        return dict(self)


class _JsonText(sa.types.TypeDecorator[Any]):
    """A JSON column that is read as text, and written from structures or JSON text."""

    impl = sa.JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:
        return None if value is None else json.dumps(value)


@bind
class Query:
    """A query over one table; methods that read or write end the chain."""

    def __init__(self, name: str) -> None:
        self._table = _reflect(table_name(name))
        self._where: list[sa.ColumnElement[bool]] = []
        self._order: list[sa.ColumnElement[Any]] = []
        self._limit: int | None = None
        self._offset: int | None = None

    def where(
        self, column: str | Mapping[str, Any], sign: Any = _MISSING, value: Any = _MISSING
    ) -> "Query":
        """Add a condition: `where("active", True)` or `where("port", ">", 1024)`.

        A mapping adds an equality for each of its columns.
        """
        if isinstance(column, Mapping):
            for name, expected in column.items():
                self.where(name, expected)
            return self
        if value is _MISSING:
            sign, value = "=", sign
        field = self._column(column)
        if sign == "like":
            self._where.append(field.like(value))
        elif sign not in _SIGNS:
            raise SchemaError(f"“{sign}” is not a comparison; use {', '.join([*_SIGNS, 'like'])}.")
        else:
            self._where.append(getattr(field, _SIGNS[sign])(_fit(field.type, value)))
        return self

    def where_in(self, column: str, values: Iterable[Any]) -> "Query":
        """Match rows whose column has one of these values."""
        field = self._column(column)
        self._where.append(field.in_([_fit(field.type, value) for value in values]))
        return self

    def where_null(self, column: str) -> "Query":
        """Match rows whose column is NULL."""
        self._where.append(self._column(column).is_(None))
        return self

    def where_not_null(self, column: str) -> "Query":
        """Match rows whose column is not NULL."""
        self._where.append(self._column(column).is_not(None))
        return self

    def order_by(self, column: str, direction: str = "asc") -> "Query":
        """Order by a column, `asc` or `desc`."""
        field = self._column(column)
        self._order.append(field.desc() if direction.lower() == "desc" else field.asc())
        return self

    def limit(self, count: int) -> "Query":
        """Return at most `count` rows."""
        self._limit = int(count)
        return self

    def offset(self, count: int) -> "Query":
        """Skip the first `count` rows."""
        self._offset = int(count)
        return self

    def get(self) -> list[Row]:
        """Return all matching rows."""
        statement = (
            sa.select(self._table)
            .where(*self._where)
            .order_by(*self._order)
            .limit(self._limit)
            .offset(self._offset)
        )
        return [Row(row) for row in session().execute(statement).mappings()]

    def first(self) -> Row | None:
        """Return the first matching row, or None."""
        limit, self._limit = self._limit, 1
        try:
            rows = self.get()
        finally:
            self._limit = limit
        return rows[0] if rows else None

    def value(self, column: str) -> Any:
        """Return one column of the first matching row, or None."""
        row = self.first()
        return None if row is None else row[column]

    def pluck(self, column: str) -> list[Any]:
        """Return one column of all matching rows."""
        return [row[column] for row in self.get()]

    def count(self) -> int:
        """Return the number of matching rows."""
        return (
            session().scalar(
                sa.select(sa.func.count()).select_from(self._table).where(*self._where)
            )
            or 0
        )

    def exists(self) -> bool:
        """Return whether a row matches."""
        return self.count() > 0

    def insert(self, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> bool:
        """Insert one row or several."""
        rows = [values] if isinstance(values, Mapping) else list(values)
        if rows:
            self._write(sa.insert(self._table), [self._values(row) for row in rows])
        return True

    def insert_get_id(self, values: Mapping[str, Any]) -> Any:
        """Insert one row and return its id."""
        with transaction() as current:
            fence.check()
            result: Any = current.execute(sa.insert(self._table).values(self._values(values)))
            key = result.inserted_primary_key
            return key[0] if key else None

    def update(self, values: Mapping[str, Any]) -> int:
        """Update all matching rows and return their number.

        Raises:
            SchemaError: called after `limit()` or `offset()`.
        """
        self._refuse_limit("update")
        return self._write(sa.update(self._table).where(*self._where).values(self._values(values)))

    def update_or_insert(
        self, match: Mapping[str, Any], values: Mapping[str, Any] | None = None
    ) -> bool:
        """Update the matching row, or insert one."""
        with transaction():
            if self.where(match).exists():
                return not values or self.update(values) >= 0
            return self.insert({**match, **(values or {})})

    def delete(self) -> int:
        """Delete all matching rows and return their number.

        Raises:
            SchemaError: called after `limit()` or `offset()`.
        """
        self._refuse_limit("delete")
        return self._write(sa.delete(self._table).where(*self._where))

    def _refuse_limit(self, verb: str) -> None:
        # not every database supports it, and writing all rows instead of some would be worse
        if self._limit is not None or self._offset is not None:
            raise SchemaError(
                f"{verb}() does not support limit() and offset(); pluck the keys first, then"
                f" {verb} with where_in()."
            )

    def _write(self, statement: Any, rows: list[dict[str, Any]] | None = None) -> int:
        with transaction() as current:
            fence.check()
            count = current.execute(statement, rows).rowcount  # type: ignore[attr-defined]
            return int(count)

    def _column(self, name: str) -> sa.Column[Any]:
        if name not in self._table.c:
            raise SchemaError(f"The table {self._table.name} has no column {name}.")
        return self._table.c[name]

    def _values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: _fit(self._column(name).type, value) for name, value in values.items()}


def _fit(kind: Any, value: Any) -> Any:
    """Convert a value to the column's type, such as a form's text to a number.

    A value that does not convert is left for the database to refuse.
    """
    plain = _value(value)
    if plain is None or isinstance(kind, _JsonText):
        return plain
    with contextlib.suppress(ValueError, ArithmeticError):
        if isinstance(kind, UtcDateTime):
            return _value(datetime.fromisoformat(plain)) if isinstance(plain, str) else plain
        if isinstance(kind, sa.Boolean):
            return (
                _BOOLEANS.get(plain.strip().lower(), plain)
                if isinstance(plain, str)
                else bool(plain)
            )
        if isinstance(kind, sa.Integer):
            whole = isinstance(plain, (float, Decimal)) and plain == int(plain)
            return int(plain) if whole or isinstance(plain, (bool, str)) else plain
        if isinstance(kind, sa.Numeric):
            return Decimal(str(plain)) if isinstance(plain, (str, float)) else plain
        if isinstance(kind, sa.String):
            return _text(plain)
    return plain


_BOOLEANS = {
    "1": True,
    "true": True,
    "on": True,
    "yes": True,
    "0": False,
    "false": False,
    "off": False,
    "no": False,
    "": False,
}


def _text(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value) if isinstance(value, (int, float, Decimal)) else value


def _value(value: Any) -> Any:
    """Return a value in a type that every driver accepts, with datetimes aware."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return datetime.fromtimestamp(aware.timestamp(), UTC).replace(microsecond=aware.microsecond)
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    return value


def _reflect(full: str) -> sa.Table:
    """Return the table as the database defines it, with the SDK's timestamp and JSON types."""
    try:
        table = sa.Table(
            full, sa.MetaData(), autoload_with=session().connection(), resolve_fks=False
        )
    except sa.exc.NoSuchTableError:
        raise SchemaError(f"There is no table {full}; create it with Schema.create().") from None
    for column in table.columns:
        if isinstance(column.type, sa.DateTime):
            column.type = UtcDateTime()
        elif isinstance(column.type, sa.JSON):
            column.type = _JsonText()
        elif isinstance(column.type, TINYINT) and column.type.display_width == 1:
            column.type = sa.Boolean()  # how MariaDB stores booleans
    return table
