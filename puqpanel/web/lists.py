"""Lists with search, filters, sorting, keyset pagination and CSV export.

A list is declared once, next to its view::

    SERVICES = Listing(
        select(Service.id, Service.name, Client.name.label("client")).join(Client),
        key=Service.id,
        sorts={"name": Sort(Service.name), "new": Sort(Service.id, descending=True)},
        ...
    )
    page = SERVICES.page(session(), request.path, request.args)

Keyset pagination identifies a page by the row before it, not by an offset: every page costs the
same, and rows inserted or deleted meanwhile neither repeat nor hide others. Sort only by the first
column of an index. Counts are capped at 1,000 and take one query for all tabs; a list with a
search or a filter is not counted.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from puqpanel.domain.spreadsheet import csv_line
from puqpanel.web.list_page import CAP, SIZES, Chip, Choices, Cursor, Page, Query, Row, Rows, Tab

Selected = sa.Select[*tuple[Any, ...]]
CSV_BATCH = 500
MAX_ARG_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort order.

    Args:
        by: an integer or text that is never NULL and is the first column of an index.
        descending: the initial direction.
    """

    by: Any
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter, shown as a chip.

    Args:
        label: the chip's label.
        where: maps the argument to a condition, or to None to ignore an invalid argument.
        choices: returns (argument, label) pairs; called only to open the chip, or to label the
            current value if there is no `shown`.
        shown: returns the label of the current value from the first row and the argument, which
            saves the query for the choices.
        kind: `select` for choices, else the type of an input.
    """

    label: str
    where: Callable[[str], Any | None]
    choices: Callable[[], Choices] = lambda: ()
    shown: Callable[[Any, str], str] | None = None
    kind: str = "select"


@dataclass(frozen=True, slots=True)
class Column:
    """A CSV column: its heading and its value for a row."""

    label: str
    text: Callable[[Any], object]


@dataclass(frozen=True)
class Listing:
    """The declaration of a list.

    Args:
        select: the columns of a row with their joins, without order or limit.
        key: the integer key that breaks ties.
        sorts: sort orders by name; the first is the default.
        tabs: tabs by key; the first shows all rows.
        filters: filters by key, which may not be an argument of `list_page.Page.url`.
        search: maps the search text to a condition.
        columns: the CSV columns.
        noun: the plural noun for the rows.
        placeholder: the placeholder of the search field.
    """

    select: Selected
    key: Any
    sorts: Mapping[str, Sort]
    tabs: Mapping[str, Tab] = field(default_factory=dict)
    filters: Mapping[str, Filter] = field(default_factory=dict)
    search: Callable[[str], Any] | None = None
    columns: Sequence[Column] = ()
    noun: str = "rows"
    placeholder: str = "Search"

    def page(self, session: Session, path: str, args: Mapping[str, str]) -> Page:
        """Return one page of the list.

        Takes at most two queries (rows and counts), and one for the choices of an open filter.

        Args:
            session: the session to read from.
            path: the URL path of the list.
            args: the query arguments; invalid ones are ignored.
        """
        query = self.read(path, args)
        cursor = query.at
        forward = cursor is None or cursor.forward
        fetched = list(session.execute(self._rows(query, query.size + 1, cursor)).all())
        has_more, rows = len(fetched) > query.size, fetched[: query.size]
        if not rows and cursor is not None:
            # all rows beyond the cursor are gone: show the first page instead of an empty one
            args = {name: value for name, value in args.items() if name != "at"}
            return self.page(session, path, args)
        if not forward:
            rows.reverse()
        has_previous = cursor is not None if forward else has_more
        has_next = has_more if forward else True
        first = cursor.first if cursor and has_previous else 1
        page = Page(
            query=query,
            rows=rows,
            first=first,
            tabs=self.tabs,
            counts=self._count(session, query),
            chips=self._chips(query, rows),
            previous="",
            next="",
            noun=self.noun,
            placeholder=self.placeholder,
        )
        previous_url = next_url = ""
        if has_previous and rows:
            at = _pack_cursor(query, rows[0], False, max(first - query.size, 1))
            previous_url = page.url(at=at)
        if has_next and rows:
            at = _pack_cursor(query, rows[-1], True, first + len(rows))
            next_url = page.url(at=at)
        return replace(page, previous=previous_url, next=next_url)

    def read(self, path: str, args: Mapping[str, str]) -> Query:
        """Return the validated query arguments, without the invalid ones."""
        raw_sort = args.get("sort", "")
        sort, descending = raw_sort.removeprefix("-"), raw_sort.startswith("-")
        if sort not in self.sorts:
            sort = next(iter(self.sorts))
            descending = self.sorts[sort].descending
        order = ("-" if descending else "") + sort
        tab, size, pick = args.get("tab", ""), args.get("size", ""), args.get("pick", "")
        search = " ".join(args.get("q", "").replace("\0", "").split())[:MAX_ARG_LENGTH]
        filters = {}
        for key, filter in self.filters.items():
            value = args.get(key, "")
            if value and "\0" not in value and filter.where(value[:MAX_ARG_LENGTH]) is not None:
                filters[key] = value[:MAX_ARG_LENGTH]
        return Query(
            path=path,
            search=search if self.search else "",
            tab=tab if tab in self.tabs else next(iter(self.tabs), ""),
            sort=sort,
            descending=descending,
            size=int(size) if size.isdecimal() and int(size) in SIZES else SIZES[0],
            at=_unpack_cursor(args.get("at", ""), self.sorts[sort].by.type.python_type, order),
            pick=pick if pick in self.filters else "",
            filters=filters,
        )

    def csv(self, session: Session, args: Mapping[str, str]) -> Iterator[str]:
        """Yield all pages as CSV lines, read in batches to keep memory use constant.

        Args:
            session: as for `page`.
            args: as for `page`.
        """
        query = self.read("", args)
        yield csv_line([column.label for column in self.columns])
        cursor: Cursor | None = None
        while True:
            rows = session.execute(self._rows(query, CSV_BATCH, cursor)).all()
            yield "".join(csv_line([column.text(row) for column in self.columns]) for row in rows)
            if len(rows) < CSV_BATCH:
                return
            cursor = Cursor(True, rows[-1]._sort, rows[-1]._key, 0)

    def _where(self, query: Query, tab: str) -> list[Any]:
        conditions = [self.filters[key].where(value) for key, value in query.filters.items()]
        if tab and self.tabs[tab].where is not None:
            conditions.append(self.tabs[tab].where)
        if query.search and self.search:
            conditions.append(self.search(query.search))
        return conditions

    def _rows(self, query: Query, limit: int, cursor: Cursor | None) -> Selected:
        by = self.sorts[query.sort].by
        forward = cursor is None or cursor.forward
        descending = query.descending if forward else not query.descending
        statement = self.select.add_columns(by.label("_sort"), self.key.label("_key")).where(
            *self._where(query, query.tab)
        )
        columns = [self.key] if by is self.key else [by, self.key]
        if cursor is not None:
            # a row comparison can use the index; "a > x or (a = x and b > y)" would scan it
            values = [sa.literal(cursor.key)]
            if by is not self.key:
                values.insert(0, sa.literal(cursor.value, by.type))
            row, position = sa.tuple_(*columns), sa.tuple_(*values)
            statement = statement.where(row < position if descending else row > position)
        order = [column.desc() if descending else column.asc() for column in columns]
        return statement.order_by(*order).limit(limit)

    def _count(self, session: Session, query: Query) -> dict[str, int]:
        if query.narrowed or not self.tabs:
            return {}
        # selects only the key, so that tables no condition refers to are not joined
        counts = []
        for key in self.tabs:
            capped = (
                self.select.with_only_columns(self.key)
                .where(*self._where(query, key))
                .limit(CAP + 1)
                .subquery()
            )
            counts.append(sa.select(sa.func.count()).select_from(capped).scalar_subquery())
        return dict(zip(self.tabs, session.execute(sa.select(*counts)).one(), strict=True))

    def _chips(self, query: Query, rows: Rows) -> list[Chip]:
        chips = []
        for key, filter in self.filters.items():
            value = query.filters.get(key, "")
            picking = query.pick == key and not value
            label = ""
            if value and filter.shown and rows:
                label = filter.shown(rows[0], value)
            elif value:
                label = dict(filter.choices()).get(value, value)
            choices = filter.choices() if picking else ()
            chips.append(Chip(key, filter.label, value, label, filter.kind, choices, picking))
        return sorted(chips, key=lambda chip: not chip.value)


def _pack_cursor(query: Query, row: Row, forward: bool, first: int) -> str:
    position = [query.order, int(forward), row._sort, row._key, first]
    text = json.dumps(position, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _unpack_cursor(text: str, value_type: type, order: str) -> Cursor | None:
    """Return the cursor of the argument `at`; None if it is invalid or of another order.

    Its values are bound as parameters, so a forged cursor only shows another page.
    """
    if not text or len(text) > 2000:
        return None
    try:
        its_order, forward, value, key, first = json.loads(
            base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        )
    except (ValueError, TypeError, binascii.Error, RecursionError):
        return None
    numbers = (key, first, value) if value_type is int else (key, first)
    valid = (
        its_order == order
        and forward in (0, 1)
        and type(value) is value_type
        and all(type(number) is int and 0 <= number < 2**62 for number in numbers)
        and "\0" not in str(value)
    )
    return Cursor(bool(forward), value, key, max(first, 1)) if valid else None
