"""Unique texts are equal only if every letter is: case and accents count on every database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.mysql import TINYINT

from puqpanel.infra.db import Model, engine_for
from tests.migrations.filled import fill

SPELLINGS = ("Zoë", "zoë", "ZOË", "Zoe", "zoe", "żoe", "ŻOE", "ẑoe", "Zoß", "Zos")


def _unique(table: Any) -> list[Any]:
    return [
        table.primary_key,
        *(one for one in table.constraints if isinstance(one, sa.UniqueConstraint)),
        *(index for index in table.indexes if index.unique),
    ]


def _keys() -> list[Any]:
    """Return the last text of each unique key and primary key, unless it refers to another row."""
    found = {}
    for table in Model.metadata.sorted_tables:
        for group in _unique(table):
            texts = [
                column
                for column in group.columns
                if isinstance(column.type, sa.String | sa.types.TypeDecorator)
                and issubclass(column.type.python_type, str)
                and not column.foreign_keys
            ]
            if texts:
                found[f"{table.name}.{texts[-1].name}"] = texts[-1]
    return [pytest.param(column, id=name) for name, column in sorted(found.items())]


@pytest.fixture(scope="module")
def filled(new_database: Callable[[], str]) -> Iterator[sa.Engine]:
    """A database with a row in each table."""
    engine = engine_for(new_database())
    fill(engine, 1)
    yield engine
    engine.dispose()


def test_the_keys_are_found() -> None:
    names = {param.id for param in _keys()}
    assert {"modules.name", "users.email", "settings.name", "roles.name"} <= names
    assert {"schedule.name", "heartbeats.name", "task_tags.tag", "sessions.token_hash"} <= names


@pytest.mark.parametrize("column", _keys())
def test_a_key_is_compared_exactly(filled: sa.Engine, column: sa.Column[Any]) -> None:
    table = sa.Table(column.table.name, sa.MetaData(), autoload_with=filled)
    key = table.c[column.name]
    with filled.connect().execution_options(panel_write=True) as connection:
        transaction = connection.begin()
        row = dict(connection.execute(table.select()).mappings().all()[-1])
        for number, spelling in enumerate(SPELLINGS, 1000):
            connection.execute(table.insert().values(_copy(column, row, number, spelling)))
        for spelling in SPELLINGS:
            found = connection.scalars(sa.select(key).where(key == spelling)).all()
            assert found == [spelling]
        assert connection.scalar(
            sa.select(sa.func.count(sa.distinct(key))).where(key.in_(SPELLINGS))
        ) == len(SPELLINGS)
        transaction.rollback()


def _copy(column: sa.Column[Any], row: dict[str, Any], number: int, key: str) -> dict[str, Any]:
    """Return a row that differs in the key; other unique columns have the number."""
    others = {
        other.name: None if other.foreign_keys else _other(other, row[other.name], number)
        for group in _unique(column.table)
        if column.name not in group.columns
        for other in group.columns
        if not other.foreign_keys or other.nullable
    }
    return row | others | {column.name: key}


def _other(column: sa.Column[Any], value: Any, number: int) -> Any:
    """Return a value that no other row has, or the same if it must be one of few."""
    if column.nullable and isinstance(column.type, sa.Boolean | TINYINT):
        return None  # only one row may have it set
    if isinstance(value, date):
        return value + timedelta(days=number)
    if isinstance(value, str):
        return value if (column.type.length or number) < 4 else f"{number}"
    return number
