"""Key rotation: re-encrypt every stored secret with the newest key while the panel runs.

A secret is any text in the database that is a Fernet token of one of the panel's keys: in encrypted
columns of the panel and of modules, and where modules saved the result of encrypt() themselves.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy.engine import Engine

from puqpanel.infra import crypto
from puqpanel.infra.db import engine_for
from puqpanel.infra.settings import Settings

BATCH = 200
# prefix of every token: the version byte and the high bytes of the time
TOKEN = "gAAAA"  # noqa: S105

Stored = sa.Row[*tuple[Any, ...]]
"""The primary key of a row, and a possible token in one of its columns."""
SHAPE = re.compile(r"gAAAA[A-Za-z0-9_-]{90,}={0,2}")


@dataclass(slots=True)
class Tally:
    """Numbers of secrets under the newest key, under older keys, and that no key decrypts."""

    newest: int = 0
    older: int = 0
    alien: int = 0

    @property
    def total(self) -> int:
        """The sum of the numbers."""
        return self.newest + self.older + self.alien


def count(settings: Settings) -> Tally:
    """Count the secrets by the age of their key."""
    tally = Tally()
    newest, every = _ciphers(settings)
    for _, rows in _batches(engine_for(settings.database_url)):
        for row in rows:
            _reencrypted(row[-1], newest, every, tally)
    return tally


def rotate(settings: Settings, progress: Callable[[int], None] = lambda done: None) -> Tally:
    """Re-encrypt the secrets under older keys in batches.

    Run it again after an interruption. A row that changes meanwhile is skipped, because it is
    written with the newest key already.

    Args:
        settings: of this process.
        progress: called with the number of secrets checked so far.

    Returns:
        The numbers before the rotation; `older` secrets were re-encrypted.
    """
    tally = Tally()
    newest, every = _ciphers(settings)
    engine = engine_for(settings.database_url)
    for column, rows in _batches(engine):
        changes = [
            (row, token)
            for row in rows
            if (token := _reencrypted(row[-1], newest, every, tally)) is not None
        ]
        if changes:
            _save(engine, column, changes)
        progress(tally.total)
    return tally


def _ciphers(settings: Settings) -> tuple[Fernet, MultiFernet]:
    ciphers = [Fernet(key) for key in crypto.read_keys(crypto.key_file(settings.keys_dir))]
    return ciphers[0], MultiFernet(ciphers)


def _batches(engine: Engine) -> Iterator[tuple[sa.Column[Any], Sequence[Stored]]]:
    """Yield the possible tokens of each column, each after the primary key of its row."""
    metadata = sa.MetaData()
    metadata.reflect(engine)
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, sa.String) and not column.primary_key:
                for rows in _batches_of(engine, column):
                    yield column, rows


def _batches_of(engine: Engine, column: sa.Column[Any]) -> Iterator[Sequence[Stored]]:
    keys = _keys(column)
    query = sa.select(*keys, column).where(column.startswith(TOKEN)).order_by(*keys).limit(BATCH)
    after = query
    while True:
        with engine.connect() as connection:
            rows = connection.execute(after).all()
        if not rows:
            return
        yield rows
        after = query.where(sa.tuple_(*keys) > sa.tuple_(*rows[-1][:-1]))


def _keys(column: sa.Column[Any]) -> list[sa.Column[Any]]:
    """Return the primary key, or the unique token itself in a table that has none."""
    return list(column.table.primary_key.columns) or [column]


def _save(engine: Engine, column: sa.Column[Any], changes: Iterable[tuple[Stored, str]]) -> None:
    with engine.connect().execution_options(panel_write=True) as connection, connection.begin():
        for row, token in changes:
            same = [
                each == value for each, value in zip((*_keys(column), column), row, strict=True)
            ]
            connection.execute(sa.update(column.table).where(*same).values({column: token}))


def _reencrypted(token: str, newest: Fernet, every: MultiFernet, tally: Tally) -> str | None:
    """Count a token, and return it under the newest key if it is under an older one.

    A text that merely starts like a token is ignored.
    """
    if not SHAPE.fullmatch(token):
        return None
    with contextlib.suppress(InvalidToken):
        newest.decrypt(token)
        tally.newest += 1
        return None
    try:
        reencrypted = every.rotate(token)
    except InvalidToken:
        tally.alien += 1
        return None
    tally.older += 1
    return reencrypted.decode()
