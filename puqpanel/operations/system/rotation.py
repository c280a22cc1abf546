"""Key rotation: re-encrypt every stored secret with the newest key while the panel runs.

A secret is any text in the database that is a Fernet token of one of the panel's keys: in encrypted
columns of the panel and of modules, and where modules saved the result of encrypt() themselves.
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
# prefix of every token: the version byte and the high bytes of the time
TOKEN = "gAAAA"  # noqa: S105

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
    newest, ciphers = _ciphers(settings)
    engine = engine_for(settings.database_url)
    for table, column in _columns(engine):
        for batch in _batches(engine, table, column):
            for row in batch:
                _sort(row.token, newest, ciphers, tally)
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
    newest, ciphers = _ciphers(settings)
    engine = engine_for(settings.database_url)
    for table, column in _columns(engine):
        for batch in _batches(engine, table, column):
            changes = [
                (row, token)
                for row in batch
                if (token := _reencrypted(row.token, newest, ciphers, tally)) is not None
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


def _ciphers(settings: Settings) -> tuple[Fernet, list[Fernet]]:
    ciphers = [Fernet(key) for key in crypto.read_keys(crypto.key_file(settings.keys_dir))]
    return ciphers[0], ciphers


def _columns(engine: Engine) -> Iterator[tuple[sa.Table, sa.Column[str]]]:
    metadata = sa.MetaData()
    metadata.reflect(engine)
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, sa.String) and not column.primary_key:
                yield table, column


def _keys(table: sa.Table, column: sa.Column[str]) -> list[sa.Column[Any]]:
    """Return the primary key, or the unique token itself in a table that has none."""
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


def _sort(token: str, newest: Fernet, ciphers: list[Fernet], tally: Tally) -> bytes | None:
    """Count a token and return its secret if it is under an older key.

    A text that merely starts like a token is ignored.
    """
    if not SHAPE.fullmatch(token):
        return None
    for cipher in ciphers:
        try:
            secret = cipher.decrypt(token.encode())
        except InvalidToken:
            continue
        if cipher is newest:
            tally.newest += 1
            return None
        tally.older += 1
        return secret
    tally.alien += 1
    return None


def _reencrypted(token: str, newest: Fernet, ciphers: list[Fernet], tally: Tally) -> str | None:
    secret = _sort(token, newest, ciphers, tally)
    return None if secret is None else newest.encrypt(secret).decode()
