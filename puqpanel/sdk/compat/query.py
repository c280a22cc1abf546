"""`DB.table("servers").where("active", True).get()`: the module's own tables without models, as
the texts write it.
"""

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


class Row(dict[str, Any]):
    """One row: `row.name` and `row["name"]` alike."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the row has no column {name}") from None


class _JsonText(sa.types.TypeDecorator[Any]):
    """A JSON column as text on the way out, as the texts read it; structures and JSON text on
    the way in.
    """

    impl = sa.JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:
        return None if value is None else json.dumps(value)


@bind
class Query:
    """Rows of one table.

    Conditions narrow it down; every method that reads or writes ends the chain.
    """

    def __init__(self, name: str) -> None:
        self._table = _reflect(table_name(name))
        self._where: list[sa.ColumnElement[bool]] = []
        self._order: list[sa.ColumnElement[Any]] = []
        self._limit: int | None = None
        self._offset: int | None = None

    def where(
        self, column: str | Mapping[str, Any], sign: Any = _MISSING, value: Any = _MISSING
    ) -> "Query":
        """`where("active", True)`, `where("port", ">", 1024)` or `where({"active": True})`."""
        if isinstance(column, Mapping):
            for key, wanted in column.items():
                self.where(key, wanted)
            return self
        if value is _MISSING:
            sign, value = "=", sign
        field = self._column(column)
        if sign == "like":
            self._where.append(field.like(value))
        elif sign not in _SIGNS:
            raise SchemaError(f"“{sign}” is no comparison; use {', '.join([*_SIGNS, 'like'])}.")
        else:
            self._where.append(getattr(field, _SIGNS[sign])(_fit(field.type, value)))
        return self

    def where_in(self, column: str, values: Iterable[Any]) -> "Query":
        """One of these."""
        field = self._column(column)
        self._where.append(field.in_([_fit(field.type, value) for value in values]))
        return self

    def where_null(self, column: str) -> "Query":
        """Nothing in it."""
        self._where.append(self._column(column).is_(None))
        return self

    def where_not_null(self, column: str) -> "Query":
        """Something in it."""
        self._where.append(self._column(column).is_not(None))
        return self

    def order_by(self, column: str, direction: str = "asc") -> "Query":
        """`asc` or `desc`."""
        field = self._column(column)
        self._order.append(field.desc() if direction.lower() == "desc" else field.asc())
        return self

    def limit(self, count: int) -> "Query":
        """At most so many."""
        self._limit = int(count)
        return self

    def offset(self, count: int) -> "Query":
        """Without the first ones."""
        self._offset = int(count)
        return self

    def get(self) -> list[Row]:
        """All rows."""
        statement = (
            sa.select(self._table)
            .where(*self._where)
            .order_by(*self._order)
            .limit(self._limit)
            .offset(self._offset)
        )
        return [Row(row) for row in session().execute(statement).mappings()]

    def first(self) -> Row | None:
        """The first row, or None."""
        asked, self._limit = self._limit, 1
        try:
            rows = self.get()
        finally:
            self._limit = asked
        return rows[0] if rows else None

    def value(self, column: str) -> Any:
        """One value of the first row, or None."""
        row = self.first()
        return None if row is None else row[column]

    def pluck(self, column: str) -> list[Any]:
        """One column of all rows."""
        return [row[column] for row in self.get()]

    def count(self) -> int:
        """How many."""
        return (
            session().scalar(
                sa.select(sa.func.count()).select_from(self._table).where(*self._where)
            )
            or 0
        )

    def exists(self) -> bool:
        """Whether there is one."""
        return self.count() > 0

    def insert(self, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> bool:
        """Adds one row or several."""
        rows = [values] if isinstance(values, Mapping) else list(values)
        if rows:
            self._write(sa.insert(self._table), [self._values(row) for row in rows])
        return True

    def insert_get_id(self, values: Mapping[str, Any]) -> Any:
        """Adds one row and answers its id."""
        with transaction() as current:
            fence.check()
            result: Any = current.execute(sa.insert(self._table).values(self._values(values)))
            key = result.inserted_primary_key
            return key[0] if key else None

    def update(self, values: Mapping[str, Any]) -> int:
        """Changes all rows that match; answers how many.

        Raises SchemaError after limit() or offset(), which it does not know.
        """
        self._whole("update")
        return self._write(sa.update(self._table).where(*self._where).values(self._values(values)))

    def update_or_insert(
        self, match: Mapping[str, Any], values: Mapping[str, Any] | None = None
    ) -> bool:
        """Changes the row that matches, or adds it."""
        with transaction():
            if self.where(match).exists():
                return not values or self.update(values) >= 0
            return self.insert({**match, **(values or {})})

    def delete(self) -> int:
        """Removes all rows that match; answers how many.

        Raises SchemaError after limit() or offset(), which it does not know.
        """
        self._whole("delete")
        return self._write(sa.delete(self._table).where(*self._where))

    def _whole(self, verb: str) -> None:
        # not every database can, and all rows in place of some would be the worst answer
        if self._limit is not None or self._offset is not None:
            raise SchemaError(
                f"{verb}() takes no limit() and no offset(); pluck the keys first, then {verb}"
                " where_in() them."
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
    """A value in the column's own kind: forms send text for numbers, and providers numbers for
    names. What fits nowhere is the database's to refuse.
    """
    plain = _value(value)
    if plain is None or isinstance(kind, _JsonText):
        return plain
    with contextlib.suppress(ValueError, ArithmeticError):
        if isinstance(kind, UtcDateTime):
            return _value(datetime.fromisoformat(plain)) if isinstance(plain, str) else plain
        if isinstance(kind, sa.Boolean):
            return (
                _WORDS.get(plain.strip().lower(), plain) if isinstance(plain, str) else bool(plain)
            )
        if isinstance(kind, sa.Integer):
            return (
                int(plain)
                if isinstance(plain, (bool, str))
                or (isinstance(plain, (float, Decimal)) and plain == int(plain))
                else plain
            )
        if isinstance(kind, sa.Numeric):
            return Decimal(str(plain)) if isinstance(plain, (str, float)) else plain
        if isinstance(kind, sa.String):
            return _text(plain)
    return plain


_WORDS = {
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
    """A value as every driver takes it: plain datetimes, aware."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return datetime.fromtimestamp(aware.timestamp(), UTC).replace(microsecond=aware.microsecond)
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    return value


def _reflect(full: str) -> sa.Table:
    """The table as the database has it, with our types for moments and structures."""
    try:
        table = sa.Table(
            full, sa.MetaData(), autoload_with=session().connection(), resolve_fks=False
        )
    except sa.exc.NoSuchTableError:
        raise SchemaError(f"There is no table {full}; make it with Schema.create().") from None
    for column in table.columns:
        if isinstance(column.type, sa.DateTime):
            column.type = UtcDateTime()
        elif isinstance(column.type, sa.JSON):
            column.type = _JsonText()
        elif isinstance(column.type, TINYINT) and column.type.display_width == 1:
            column.type = sa.Boolean()  # what MariaDB makes of one
    return table
