"""Putting every stored secret under the newest key, while the panel runs.

A secret is any text in the database that looks like one of our tokens and opens with one of our
keys: the panel's encrypted columns, and what modules keep in tables of their own, whether through
an encrypted column or by calling encrypt() themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy.engine import Engine

from puqpanel.infra import crypto
from puqpanel.infra.db import engine_for
from puqpanel.infra.settings import Settings

BATCH = 200
# what every token begins with: the version byte and the high bytes of the time
TOKEN = "gAAAA"  # noqa: S105

SHAPE = re.compile(r"gAAAA[A-Za-z0-9_-]{90,}={0,2}")


@dataclass(slots=True)
class Tally:
    """Counts of secrets under the newest key, under older keys, and that no key decrypts."""

    newest: int = 0
    older: int = 0
    alien: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.newest + self.older + self.alien


def count(settings: Settings) -> Tally:
    """Check at every secret and says under which keys they are."""
    tally = Tally()
    newest, everything = _boxes(settings)
    engine = engine_for(settings.database_url)
    for table, column in _columns(engine):
        for batch in _batches(engine, table, column):
            for row in batch:
                _sort(row.token, newest, everything, tally)
    return tally


def rotate(settings: Settings, progress: Callable[[int], None] = lambda done: None) -> Tally:
    """Re-encrypts what is under older keys, a batch at a time.

    Run it again after an interruption.

    A row that somebody else writes meanwhile is left to them: they write under the newest key
    already.

    Args:
        settings: of this process.
        progress: called with the number of secrets looked at so far.

    Returns:
        What was found; `older` are those that were re-encrypted.
    """
    tally = Tally()
    newest, everything = _boxes(settings)
    engine = engine_for(settings.database_url)
    for table, column in _columns(engine):
        for batch in _batches(engine, table, column):
            changes = [
                (row, token)
                for row in batch
                if (token := _again(row.token, newest, everything, tally)) is not None
            ]
            if changes:
                with (
                    engine.connect().execution_options(panel_write=True) as connection,
                    connection.begin(),
                ):
                    for row, token in changes:
                        same = [
                            key == value
                            for key, value in zip(_keys(table, column), row.key, strict=True)
                        ]
                        connection.execute(
                            sa.update(table)
                            .where(*same, column == row.token)
                            .values({column: token})
                        )
            progress(tally.total)
    return tally


def _boxes(settings: Settings) -> tuple[Fernet, list[Fernet]]:
    boxes = [Fernet(key) for key in crypto.read_keys(crypto.key_file(settings.keys_dir))]
    return boxes[0], boxes


def _columns(engine: Engine) -> Iterator[tuple[sa.Table, sa.Column[str]]]:
    metadata = sa.MetaData()
    metadata.reflect(engine)
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, sa.String) and not column.primary_key:
                yield table, column


def _keys(table: sa.Table, column: sa.Column[str]) -> list[sa.Column[Any]]:
    """Return what tells rows apart: the primary key.

    In a module's table that has none the token itself, of which no two are alike.
    """
    return list(table.primary_key.columns) or [column]


@dataclass(frozen=True, slots=True)
class _Stored:
    key: tuple[object, ...]
    token: str


def _batches(engine: Engine, table: sa.Table, column: sa.Column[str]) -> Iterator[list[_Stored]]:
    keys = _keys(table, column)
    last: tuple[object, ...] | None = None
    while True:
        statement = (
            sa.select(*keys, column).where(column.startswith(TOKEN)).order_by(*keys).limit(BATCH)
        )
        if last is not None:
            statement = statement.where(
                sa.tuple_(*keys) > sa.tuple_(*last) if len(keys) > 1 else keys[0] > last[0]
            )
        with engine.connect() as connection:
            rows = [_Stored(tuple(row)[:-1], row[-1]) for row in connection.execute(statement)]
        if not rows:
            return
        yield rows
        last = rows[-1].key


def _sort(token: str, newest: Fernet, everything: list[Fernet], tally: Tally) -> bytes | None:
    """Count a token; answers its secret when it is under an older key.

    What only begins like one is somebody's text.
    """
    if not SHAPE.fullmatch(token):
        return None
    for box in everything:
        try:
            secret = box.decrypt(token.encode())
        except InvalidToken:
            continue
        if box is newest:
            tally.newest += 1
            return None
        tally.older += 1
        return secret
    tally.alien += 1
    return None


def _again(token: str, newest: Fernet, everything: list[Fernet], tally: Tally) -> str | None:
    secret = _sort(token, newest, everything, tally)
    return None if secret is None else newest.encrypt(secret).decode()
