"""Word indexes: tables that find rows by the start of a word.

A word is indexed from the start of each of its parts: `shop.berg.example` is found by `shop.b`,
`berg` and `exam`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from puqpanel.infra.db import Model, session
from puqpanel.models.columns import Id

LENGTH = 40
"""Characters of a word; of longer ones, only the start is compared."""
MAX_PARTS = 100
"""Words of a row."""
RARE = 2000
"""Most entries to list for a word. A scan soon finds rows with more common words."""
Word = sa.String(LENGTH).with_variant(sa.String(LENGTH, collation="C"), "postgresql")
"""Compared bytewise: in a language's collation, prefixes are not ranges."""
_PART = re.compile(r"(?<![a-z0-9])[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Match:
    """Rows that match.

    Args:
        condition: holds for these rows.
        keys: selects their ids, if they can be listed.
    """

    condition: sa.ColumnElement[bool]
    keys: sa.Select[int] | None = None


def any_of(key: Any, *matches: Match) -> sa.ColumnElement[bool]:
    """Return the condition of rows of any match, which uses the indexes of all.

    Args:
        key: the column with the id of the row.
        matches: of the rows.
    """
    keys = [match.keys for match in matches if match.keys is not None]
    if len(keys) < len(matches):
        return sa.or_(*(match.condition for match in matches))
    found: sa.ColumnElement[bool] = key.in_(sa.union(*keys))
    return found


def word_table(of: str) -> sa.Table:
    """Return the table of words of another table."""
    return sa.Table(
        f"{of[:-1]}_words",
        Model.metadata,
        sa.Column("word", Word, primary_key=True),
        sa.Column("row_id", Id, sa.ForeignKey(f"{of}.id", ondelete="CASCADE"), primary_key=True),
        sa.Index(f"ix_{of[:-1]}_words_row_id", "row_id", "word"),
        sqlite_with_rowid=False,
    )


def parts(text: str) -> list[str]:
    """Return the words to index of a folded text."""
    return list(dict.fromkeys(_parts(text)))[:MAX_PARTS]


def _parts(text: str) -> Iterator[str]:
    for word in text.split():
        yield word[:LENGTH]
        for part in _PART.finditer(word):
            yield word[part.start() :][:LENGTH]


def write(connection: sa.Connection, table: sa.Table, row_id: int, text: str) -> None:
    """Replace the words of a row."""
    connection.execute(table.delete().where(table.c.row_id == row_id))
    if words := parts(text):
        connection.execute(table.insert(), [{"word": word, "row_id": row_id} for word in words])


def find(table: sa.Table, key: Any, words: Sequence[str]) -> Match:
    """Find the rows that have, for each word, one that begins with it.

    Args:
        table: of words.
        key: the column with the id of the row.
        words: folded words.
    """
    if not words:
        return Match(sa.false())
    numbers = [
        sa.select(sa.func.count())
        .select_from(
            sa.select(sa.literal(1)).where(_begins(table, word)).limit(RARE + 1).subquery()
        )
        .scalar_subquery()
        for word in words
    ]
    counts = session().execute(sa.select(*numbers)).one()
    number, rarest = min(zip(counts, words, strict=True))
    if number > RARE:
        return Match(sa.and_(*(_has(table, key, word) for word in words)))
    first = table.alias()
    keys = sa.select(first.c.row_id).where(
        _begins(first, rarest),
        *(_has(table, first.c.row_id, word) for word in words if word != rarest),
    )
    return Match(key.in_(keys), keys)


def _has(table: sa.Table, key: Any, word: str) -> sa.ColumnElement[bool]:
    other = table.alias()
    return sa.exists().where(other.c.row_id == key, _begins(other, word))


def _begins(table: sa.FromClause, word: str) -> sa.ColumnElement[bool]:
    start = word[:LENGTH]
    return sa.and_(table.c.word >= start, table.c.word < f"{start}\x7f")
