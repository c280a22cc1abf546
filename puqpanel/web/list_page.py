"""One page of a list, for its template: rows, counts, filter chips and links."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa

from puqpanel.domain.money import Money
from puqpanel.domain.texts import Text
from puqpanel.web.prices import PER, money

Row = sa.Row[*tuple[Any, ...]]
Rows = Sequence[Row]
Choices = Sequence[tuple[str, Text | str]]
SIZES = (25, 50, 100)
CAP = 1000


def capped(number: int) -> str:
    """Return a row count as text; `1k+` if it exceeds CAP, where counting stops."""
    return "1k+" if number > CAP else f"{number:,}"


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab.

    Args:
        label: its label.
        where: the condition of its rows; None for all rows.
        parts: disjoint selects of their keys, each in the order of an index, for a condition that
            no single index covers.
        counted_by: the column in whose order an index has these rows, so that counting stops at the
            most that is shown; their keys unless given.
    """

    label: Text | str
    where: Any = None
    parts: tuple[sa.Select[int], ...] = ()
    counted_by: Any = None

    @property
    def restricts(self) -> bool:
        """Whether it shows some rows only."""
        return self.where is not None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading and its value for a row in exports.

    Args:
        label: the heading.
        text: returns the value of a row.
        export_only: whether the table does not show it.
    """

    label: Text | str
    text: Callable[[Any], object]
    export_only: bool = False


@dataclass(frozen=True, slots=True)
class Total:
    """The sums of a list by currency and period, unless there are too many rows."""

    sums: tuple[tuple[Money, str], ...]
    too_many: bool = False


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter as shown on the page."""

    key: str
    label: Text | str
    values: tuple[str, ...]
    word: Text | str
    kind: str
    choices: Choices
    open: bool

    @property
    def days(self) -> tuple[str, str]:
        """The first and the last day of a range of dates; empty for a preset."""
        first, separator, last = next(iter(self.values), "").partition("..")
        return (first, last) if separator else ("", "")


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
    filters: Mapping[str, tuple[str, ...]]
    ignored: bool = False
    columns: tuple[str, ...] = ()
    sum: bool = False
    view: str = ""

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
            "cols": ",".join(self.columns),
            "sum": "yes" if self.sum else "",
            "view": self.view,
        }

    def shows(self, column: str) -> bool:
        """Return whether a column is shown: all are, unless some were chosen."""
        return not self.columns or column in self.columns


@dataclass(frozen=True)
class Page:
    """One page of a list with its links."""

    query: Query
    rows: Rows
    first: int
    tabs: Mapping[str, Tab]
    columns: Mapping[str, Column]
    counts: Mapping[str, int]
    chips: Sequence[Chip]
    can_sum: bool
    total: Total | None
    noun: str
    placeholder: Text | str
    previous: str = ""
    next: str = ""
    name: str = ""
    sizes: Sequence[int] = SIZES

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return self.first + len(self.rows) - 1

    @property
    def row_count(self) -> str:
        """The formatted row count of the current tab; empty if it was not counted."""
        return self.count(self.query.tab)

    @property
    def sums(self) -> list[tuple[str, str]]:
        """The totals as formatted amounts, each with its period."""
        sums = self.total.sums if self.total else ()
        return [(money(amount), str(PER.get(period, ""))) for amount, period in sums]

    def count(self, tab: str) -> str:
        """Return the capped count of a tab, `17` or `1k+`; empty if it was not counted."""
        if tab not in self.counts:
            return ""
        number = self.counts[tab]
        return capped(number)

    def url(self, **changes: object) -> str:
        """Return the URL of this list with changed arguments, starting at the first page.

        Args:
            changes: q, tab, sort, size, cols, sum, view, at, pick, format or a filter's key; None
                or "" removes one.
        """
        args = {**self.query.args, **changes}
        if args["tab"] == next(iter(self.tabs), ""):
            args["tab"] = ""
        if args["size"] == SIZES[0]:
            args["size"] = ""
        text = urlencode([(name, value) for name, value in _flat(args) if value])
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
        kept = {name: value for name, value in self.query.args.items() if name not in without}
        return [(name, value) for name, value in _flat(kept) if value]

    @property
    def shown(self) -> frozenset[str]:
        """The columns that the table shows."""
        return frozenset(self.query.columns or self.columns)

    @property
    def clear_url(self) -> str:
        """The URL without search and filters."""
        return self.url(q=None, **dict.fromkeys(self.query.filters))


def _flat(args: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield arguments by name, one for each of several values."""
    for name, value in args.items():
        for item in value if isinstance(value, tuple) else (value,):
            yield name, "" if item is None else str(item)
