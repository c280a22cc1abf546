"""A column with the words by which a row is found, in which case and accents make no difference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_interface
from itertools import chain
from typing import Any, ClassVar

import sqlalchemy as sa
from anyascii import anyascii
from sqlalchemy import event
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from puqpanel.infra.redact import secret_name

LONGEST = 2000
"""Characters of a row's words."""
_MAX_DEPTH, _MAX_VALUE = 6, 253
_NAMES = frozenset(
    (
        *("account", "domain", "email", "fqdn", "host", "hostname", "login", "server"),
        *("address", "addresses", "ip", "ipv", "mac", "id", "vmid", "name", "user", "username"),
    )
)
"""Last words of the names of values that identify an account or a server."""
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


def fold(text: str) -> str:
    """Return text in lower-case ASCII letters: `Müller` and `muller` are equal, `Łódź` and `lodz`.

    Args:
        text: any text; runs of white space count as one space.
    """
    return " ".join(anyascii(text).lower().split())


def identifiers(data: object, name: str = "", depth: int = 0) -> Iterator[str]:
    """Yield the addresses, host names and login names in a module's data; no secrets.

    A value is one if it is an IP address, or if its name ends in a word such as `user` or `host`.

    Args:
        data: a value, or nested mappings and lists of values.
        name: of the value.
        depth: of the nesting.
    """
    if depth > _MAX_DEPTH or secret_name(name):
        return
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from identifiers(value, str(key), depth + 1)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from identifiers(value, name, depth + 1)
    elif isinstance(data, str | int) and not isinstance(data, bool):
        text = str(data).strip()
        last = "".join(_WORDS.findall(name)[-1:]).lower()
        if 2 <= len(text) <= _MAX_VALUE and (last in _NAMES or _is_address(text)):
            yield text


def _is_address(text: str) -> bool:
    if not ("." in text or ":" in text):
        return False  # also numbers are addresses to `ipaddress`
    try:
        ip_interface(text)
    except ValueError:
        return False
    return True


def search_text(*parts: object) -> str:
    """Return the folded texts and identifiers of modules' data, up to LONGEST characters."""
    texts = chain.from_iterable(
        [part] if isinstance(part, str) else identifiers(part) for part in parts
    )
    return " ".join(dict.fromkeys(filter(None, map(fold, texts))))[:LONGEST]


class Searchable:
    """Adds `search_text`, kept up to date whenever a row is written."""

    searched: ClassVar[tuple[str, ...]]
    """Names of the columns whose values it contains."""
    search_text: Mapped[str] = mapped_column(sa.Text, default="")

    @classmethod
    def matches(cls, text: str) -> sa.ColumnElement[bool]:
        """Match rows that contain a text, whatever its case and accents."""
        folded = fold(text)
        return cls.search_text.contains(folded, autoescape=True) if folded else sa.false()


@event.listens_for(Searchable, "before_insert", propagate=True)
@event.listens_for(Searchable, "before_update", propagate=True)
def _index(_mapper: Mapper[Any], _connection: sa.Connection, row: Searchable) -> None:
    state = sa.inspect(row)
    if state.pending or any(state.attrs[name].history.has_changes() for name in row.searched):
        row.search_text = search_text(*(getattr(row, name) for name in row.searched))
