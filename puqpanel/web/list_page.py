"""One page of a list, for its template: rows, counts, filter chips and links."""

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
    """A tab: its label and the condition of its rows; None for all rows."""

    label: str
    where: Any = None


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter as shown on the page."""

    key: str
    label: str
    value: str
    word: str
    kind: str
    choices: Choices
    open: bool


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in a list.

    Args:
        forward: whether the page follows the row or precedes it.
        value: the row's sort value.
        key: the row's key.
        first: the number of the page's first row.
    """

    forward: bool
    value: Any
    key: int
    first: int


@dataclass(frozen=True)
class Query:
    """The validated query arguments of a list."""

    path: str
    search: str
    tab: str
    sort: str
    descending: bool
    size: int
    at: Cursor | None
    pick: str
    filters: Mapping[str, str]

    @property
    def narrowed(self) -> bool:
        """Whether a search or a filter is set."""
        return bool(self.search or self.filters)

    @property
    def order(self) -> str:
        """The order as the argument `sort` names it."""
        return ("-" if self.descending else "") + self.sort

    @property
    def args(self) -> dict[str, object]:
        """The query arguments that select this list, without the page."""
        return {
            "tab": self.tab,
            "q": self.search,
            **self.filters,
            "sort": self.order,
            "size": self.size,
        }


@dataclass(frozen=True)
class Page:
    """One page of a list with its links."""

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
        """The formatted row count of the current tab; empty if it was not counted."""
        return self.count(self.query.tab)

    def count(self, tab: str) -> str:
        """Return the capped count of a tab, `17` or `1k+`; empty if it was not counted."""
        if tab not in self.counts:
            return ""
        number = self.counts[tab]
        return "1k+" if number > CAP else f"{number:,}"

    def url(self, **changes: object) -> str:
        """Return the URL of this list with changed arguments, starting at the first page.

        Args:
            changes: q, tab, sort, size, at, pick, format or a filter's key; None or "" removes one.
        """
        args = {**self.query.args, **changes}
        if args["tab"] == next(iter(self.tabs), ""):
            args["tab"] = ""
        if args["size"] == SIZES[0]:
            args["size"] = ""
        text = urlencode({name: str(value) for name, value in args.items() if value})
        return f"{self.query.path}?{text}" if text else self.query.path

    def sorted_by(self, key: str) -> str:
        """Return the `aria-sort` of a column: ascending, descending, or empty."""
        if self.query.sort != key:
            return ""
        return "descending" if self.query.descending else "ascending"

    def sort_url(self, key: str, *, descending: bool = False) -> str:
        """Return the URL that sorts by a column, or reverses the order if it already does."""
        down = not self.query.descending if self.query.sort == key else descending
        return self.url(sort=("-" if down else "") + key)

    def hidden(self, *without: str) -> list[tuple[str, str]]:
        """Return the hidden fields a GET form needs to keep the list's state.

        Args:
            without: names the form has inputs for.
        """
        return [
            (name, str(value))
            for name, value in self.query.args.items()
            if value and name not in without
        ]

    @property
    def clear_url(self) -> str:
        """The URL without search and filters."""
        return self.url(q=None, **dict.fromkeys(self.query.filters))
