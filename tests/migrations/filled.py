"""Test a migration with rows in every table, up and down.

    with upgraded(engine, "0007", rows=50, changed={"tasks.service_uuid"}):
        ...  # the database is at 0007: assert what the migration did

`upgraded` goes to the revision before, fills every table that exists there with `rows` rows,
upgrades to the revision, checks that every column that still exists has its values (except those in
`changed`), and after the block downgrades, checks that every column has its first values again
(except those in `lost`), and upgrades to the newest revision, which must agree with the models.

Texts are unique and have non-ASCII letters; row `n` has `n` in every integer and refers to the rows
`n` of other tables. `values` sets a column by a function of `n`:
`values={"modules.status": lambda n: "active" if n % 2 else "inactive"}`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.dialects.mysql import TINYINT
from sqlalchemy.sql.sqltypes import _Binary

from puqpanel.infra import migrate
from puqpanel.infra.db import Model
from puqpanel.infra.migrate import PANEL

FIRST = 10
"""Number of the first row; rows that a migration inserts have smaller ids."""
START = datetime(2026, 1, 2, 3, 4, 5, 678900)
Values = dict[str, Callable[[int], Any]]
FIXED: Values = {
    "companies.is_default": lambda _: None,
    "currencies.is_base": lambda _: None,
    "stopped_runs.live": lambda _: None,
}
"""Columns whose values are not free."""
Snapshot = dict[str, tuple[list[str], list[tuple[Any, ...]]]]
"""Table → names of columns and rows."""


@contextlib.contextmanager
def upgraded(
    engine: sa.Engine,
    revision: str,
    *,
    rows: int = 50,
    values: Values | None = None,
    changed: Collection[str] = (),
    lost: Collection[str] = (),
    prepare: Callable[[], object] = lambda: None,
) -> Iterator[None]:
    """Run the block at `revision`, between an upgrade and a downgrade of a filled database.

    Args:
        engine: of a database without rows, at any revision.
        revision: the revision to test.
        rows: number of rows in each table.
        values: `table.column` → function of the number of the row.
        changed: columns whose values the upgrade changes.
        lost: columns whose values the downgrade cannot restore.
        prepare: called before the upgrade.
    """
    script = ScriptDirectory(PANEL.folder).get_revision(revision)
    before = str(script.down_revision)
    migrate.downgrade(engine, PANEL, before)
    fill(engine, rows, values)
    prepare()
    first = snapshot(engine)
    migrate.upgrade(engine, to=revision)
    compare(first, snapshot(engine), except_for=changed)
    yield
    migrate.downgrade(engine, PANEL, before)
    compare(first, snapshot(engine), except_for=lost)
    migrate.upgrade(engine)
    assert migrate.differences(engine, Model.metadata) == []


def tables(engine: sa.Engine) -> list[sa.Table]:
    """Return the panel's tables as the database has them, referenced ones first."""
    metadata = sa.MetaData()
    metadata.reflect(engine, only=lambda name, _: PANEL.owns(name) and name != PANEL.version_table)
    return metadata.sorted_tables


def fill(
    engine: sa.Engine,
    rows: int,
    values: Values | None = None,
    first: int = FIRST,
    only: Collection[str] = (),
) -> None:
    """Add rows to every table, or to some only, with ids that begin with `first`."""
    numbers = range(first, first + rows)
    values = FIXED | (values or {})
    with engine.connect().execution_options(panel_write=True) as connection, connection.begin():
        for table in tables(engine):
            if only and table.name not in only:
                continue
            makers = {
                column.name: values.get(f"{table.name}.{column.name}") or _maker(column)
                for column in table.columns
            }
            connection.execute(
                table.insert(),
                [{name: make(number) for name, make in makers.items()} for number in numbers],
            )


def snapshot(engine: sa.Engine) -> Snapshot:
    """Return the rows of every table, in the order of their keys."""
    with engine.connect() as connection:
        return {
            table.name: (
                [column.name for column in table.columns],
                [
                    tuple(row)
                    for row in connection.execute(
                        table.select().order_by(*table.primary_key.columns)
                    )
                ],
            )
            for table in tables(engine)
        }


def compare(before: Snapshot, after: Snapshot, *, except_for: Collection[str] = ()) -> None:
    """Assert that the columns that both have are equal."""
    for name in before.keys() & after.keys():
        (old_names, old), (new_names, new) = before[name], after[name]
        assert len(old) == len(new), name
        for column in set(old_names) & set(new_names):
            if f"{name}.{column}" not in except_for:
                was, is_now = old_names.index(column), new_names.index(column)
                assert [row[was] for row in old] == [row[is_now] for row in new], (name, column)


def _maker(column: sa.Column[Any]) -> Callable[[int], Any]:
    kind = column.type
    if isinstance(kind, sa.Boolean | TINYINT):
        return lambda number: bool(number % 2)
    if isinstance(kind, sa.Integer):
        is_id = column.name == "id" or column.name.endswith("_id")
        return lambda number: number if is_id else number % 2**31
    if isinstance(kind, sa.Numeric):
        return Decimal
    if isinstance(kind, _Binary):
        return lambda number: b"%d" % number
    if isinstance(kind, sa.Date):
        return lambda number: START.date() + timedelta(days=number)
    if isinstance(kind, sa.DateTime):
        return lambda number: START + timedelta(seconds=number)
    if isinstance(kind, sa.JSON):
        return lambda number: [number, "é"]
    if isinstance(kind, sa.String):
        length = kind.length
        if length is None or length > 200:
            return lambda number: (
                f'["Crème brûlée {number}"]'
            )  # also valid as JSON, a text in MariaDB
        return lambda number: f"{number} é"[:length]
    if isinstance(kind, _Binary):
        return lambda number: f"{number} é".encode()
    raise TypeError(f"{column}: {kind!r}")
