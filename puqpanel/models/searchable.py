"""A column with the words by which a row is found, in which case and accents make no difference."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from ipaddress import ip_interface
from typing import Any, ClassVar

import sqlalchemy as sa
from anyascii import anyascii
from sqlalchemy import event
from sqlalchemy.orm import Mapped, Mapper, Session, mapped_column

from puqpanel.infra import trigrams
from puqpanel.infra.redact import secret_name

LONGEST = 2000
"""Characters of a row's words."""
_MAX_DEPTH = 6
_NAMES = frozenset(
    (
        *("account", "domain", "email", "fqdn", "host", "hostname", "login", "server"),
        *("address", "addresses", "ip", "ipv", "mac", "id", "vmid", "name", "user", "username"),
    )
)
"""Last words of the names of values that identify an account or a server."""
_VALUE = re.compile(r"[\w.@:+-]{2,253}")
"""An identifier: an address with a path or with credentials is none."""
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


def fold(text: str) -> str:
    """Return text in lower-case ASCII letters: `Müller` and `muller` are equal, `Łódź` and `lodz`.

    Args:
        text: any text; runs of white space count as one space.
    """
    return " ".join(anyascii(text).lower().split())


def identifiers(
    data: object, secrets: Collection[str] | None, name: str = "", depth: int = 0
) -> Iterator[str]:
    """Yield the addresses, host names and login names in a module's data; no secrets.

    A value is one if it is an IP address, or if its name ends in a word such as `user` or `host`.

    Args:
        data: a value, or nested mappings and lists of values.
        secrets: names of the values that the module declares secret; None if they are not known,
            so that only addresses are yielded.
        name: of the value.
        depth: of the nesting.
    """
    if depth > _MAX_DEPTH or secret_name(name) or name in (secrets or ()):
        return
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from identifiers(value, secrets, str(key), depth + 1)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from identifiers(value, secrets, name, depth + 1)
    elif isinstance(data, str | int) and not isinstance(data, bool):
        text = str(data).strip()
        last = "".join(_WORDS.findall(name)[-1:]).lower()
        named = secrets is not None and last in _NAMES and _VALUE.fullmatch(text)
        if _is_address(text) or named:
            yield text


def _is_address(text: str) -> bool:
    if not ("." in text or ":" in text):
        return False  # also numbers are addresses to `ipaddress`
    try:
        ip_interface(text)
    except ValueError:
        return False
    return True


MAX_WORDS = 8


def search_text(texts: Iterable[str | None]) -> str:
    """Return folded texts, each once, up to LONGEST characters."""
    folded = map(fold, filter(None, texts))
    return " ".join(dict.fromkeys(filter(None, folded)))[:LONGEST]


_find_secrets: Callable[[str], Collection[str] | None] | None = None


def declared_secrets(module: str) -> Collection[str] | None:
    """Return the names of the values that a module declares secret; None if it is not loaded."""
    return _find_secrets(module) if _find_secrets else None


def use_declared_secrets(find: Callable[[str], Collection[str] | None]) -> None:
    """Set the function behind `declared_secrets`: only the host knows the modules."""
    global _find_secrets
    _find_secrets = find


class Searchable:
    """Adds `search_text`, kept up to date whenever a row is written."""

    searched: ClassVar[tuple[str, ...]]
    """Names of the columns on which it depends."""
    search_text: Mapped[str] = mapped_column(sa.Text, default="")

    def searched_texts(self, connection: sa.Connection) -> Iterable[str]:
        """Return the texts by which the row is found.

        Args:
            connection: of the transaction that writes the row.
        """
        return [getattr(self, name) for name in self.searched]

    @classmethod
    def matches(cls, text: str) -> sa.ColumnElement[bool]:
        """Match rows that contain all words of a text, whatever their order, case and accents."""
        words = _words(text)
        found = (cls.search_text.contains(word, autoescape=True) for word in words)
        return sa.and_(*found) if words else sa.false()

    @classmethod
    def containing(cls, session: Session, text: str) -> sa.Select[int]:
        """Select the ids of the rows that match, by an index if there is one."""
        words = _words(text)
        found = trigrams.containing(session, cls.search_text, words)
        return found if words else found.where(sa.false())


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(fold(text).split()))[:MAX_WORDS]


@event.listens_for(Searchable, "before_insert", propagate=True)
@event.listens_for(Searchable, "before_update", propagate=True)
def _index(_mapper: Mapper[Any], connection: sa.Connection, row: Searchable) -> None:
    state = sa.inspect(row)
    if state.pending or any(state.attrs[name].history.has_changes() for name in row.searched):
        row.search_text = search_text(row.searched_texts(connection))
