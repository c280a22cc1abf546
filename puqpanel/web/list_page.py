"""One page of a list as its template sees it: rows, counts, chips, and the addresses that lead
on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa

Row = sa.Row[*tuple[Any, ...]]
Rows = Sequence[Row]
Choices = Sequence[tuple[str, str]]
SIZES = (25, 50, 100)
CAP = 1000


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: the word on it and what its rows have in common; None for all of them."""

    label: str
    where: Any = None


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter as it stands on the page."""

    key: str
    label: str
    value: str
    word: str
    kind: str
    choices: Choices
    open: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a list: the row after or before which a page begins, and the number of the
    page's first row.
    """

    forward: bool
    value: Any
    key: int
    first: int


@dataclass(frozen=True)
class Query:
    """What an address asks of a list, cleaned."""

    path: str
    search: str
    tab: str
    sort: str
    descending: bool
    size: int
    at: Place | None
    pick: str
    filters: Mapping[str, str]
    kept: Mapping[str, str]

    @property
    def narrowed(self) -> bool:
        """Whether a search or filter is set."""
        return bool(self.search or self.filters)


@dataclass(frozen=True)
class Page:
    """One page of a list, with the addresses that lead on from it."""

    query: Query
    rows: Rows
    first: int
    tabs: Mapping[str, Tab]
    counts: Mapping[str, int]
    chips: Sequence[Chip]
    previous: str
    next: str
    noun: str
    placeholder: str
    sizes: Sequence[int] = SIZES

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return self.first + len(self.rows) - 1

    @property
    def total(self) -> str:
        """How many rows the tab has in words, empty where nobody counted."""
        return self.count(self.query.tab)

    def count(self, tab: str) -> str:
        """The capped count of a tab: `17`, `1k+`, or nothing."""
        if tab not in self.counts:
            return ""
        number = self.counts[tab]
        return "1k+" if number > CAP else f"{number:,}"

    def url(self, **changes: object) -> str:
        """The address of this list with something changed; None or "" takes a thing away.

        The place is forgotten unless it is given.

        Args:
            changes: q, tab, sort, size, at, pick, format or a filter's key.
        """
        query = self.query
        parts: dict[str, object] = {
            **query.kept,
            "tab": query.tab,
            "q": query.search,
            **query.filters,
            "sort": ("-" if query.descending else "") + query.sort,
            "size": query.size,
        }
        parts.update(changes)
        if parts["tab"] == next(iter(self.tabs), ""):
            parts["tab"] = ""
        if parts["size"] == SIZES[0]:
            parts["size"] = ""
        text = urlencode(
            {name: str(value) for name, value in parts.items() if value not in (None, "")}
        )
        return f"{query.path}?{text}" if text else query.path

    def sorted_by(self, key: str) -> str:
        """The `aria-sort` of a column: ascending, descending, or nothing."""
        return (
            "" if self.query.sort != key else "descending" if self.query.descending else "ascending"
        )

    def sort_url(self, key: str, *, descending: bool = False) -> str:
        """The address that sorts by a column, or turns the order round where it already does."""
        down = not self.query.descending if self.query.sort == key else descending
        return self.url(sort=("-" if down else "") + key)

    def hidden(self, *without: str) -> list[tuple[str, str]]:
        """What a form with GET must carry along, less what it asks for itself."""
        query = self.query
        parts = {
            **query.kept,
            "tab": query.tab,
            "q": query.search,
            **query.filters,
            "sort": ("-" if query.descending else "") + query.sort,
            "size": str(query.size),
        }
        return [(name, value) for name, value in parts.items() if value and name not in without]

    @property
    def clear_url(self) -> str:
        """The address without search and filters."""
        return self.url(q=None, **dict.fromkeys(self.query.filters))
