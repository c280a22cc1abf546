"""Lists with search, filters, sorting, keyset pagination, and export as CSV or JSON.

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
column of an index. Rows without a value for a nullable sort come last in both directions; they are
read by a query of their own, so that both use the index. Counts are capped at 1,000 and take one
query for all tabs; a list with a search or a filter is not counted. Sums are calculated on request,
of at most 10,000 rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from puqpanel.domain.money import Money
from puqpanel.domain.texts import Text, _
from puqpanel.web import list_cursor
from puqpanel.web.list_filters import SEPARATOR, Filter
from puqpanel.web.list_keys import count_query, next_keys
from puqpanel.web.list_page import (
    SIZES,
    Chip,
    Column,
    Cursor,
    Page,
    Query,
    Row,
    Rows,
    Tab,
    Total,
)

Selected = sa.Select[*tuple[Any, ...]]
Args = Mapping[str, str] | MultiDict[str, str]
BATCH = 500
MAX_ARG_LENGTH = 100
ARGUMENTS = frozenset(("tab", "q", "sort", "size", "cols", "sum", "view", "at", "pick", "format"))
MAX_VALUES = 50
"""How many values of a filter are used."""
SUM_CAP = 10_000


SEARCH = _("Search")


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort order.

    Args:
        by: an integer, text or time that is the first column of an index.
        descending: the initial direction.
        nullable: whether it may be NULL.
    """

    by: Any
    descending: bool = False
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Sum:
    """What the totals of a list add up.

    Args:
        minor: the column with amounts in minor units.
        currency: the column with their currencies.
        period: a column by which amounts are kept apart besides, such as a billing period.
    """

    minor: Any
    currency: Any
    period: Any = None


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
        search_parts: maps the search text to selects of the matching keys, like `Tab.parts`.
        columns: the columns by key, for the table and the export; the first is always shown.
        sum: what the totals add up; None for a list without totals.
        noun: the plural noun for the rows.
        placeholder: the placeholder of the search field.
    """

    select: Selected
    key: Any
    sorts: Mapping[str, Sort]
    tabs: Mapping[str, Tab] = field(default_factory=dict)
    filters: Mapping[str, Filter] = field(default_factory=dict)
    search: Callable[[str], Any] | None = None
    search_parts: Callable[[str], tuple[sa.Select[int], ...]] | None = None
    columns: Mapping[str, Column] = field(default_factory=dict)
    sum: Sum | None = None
    noun: str = "rows"
    placeholder: Text | str = SEARCH

    def page(self, session: Session, path: str, args: Args) -> Page:
        """Return one page of the list.

        Takes at most two queries (rows and counts), and one for each of: the choices of an open
        filter, the totals if requested, and a page with the first rows without a sort value.

        Args:
            session: the session to read from.
            path: the URL path of the list.
            args: the query arguments; invalid ones are ignored.
        """
        query = self.read(path, args)
        cursor = query.at
        forward = cursor is None or cursor.forward
        fetched = self._fetch(session, query, query.size + 1, cursor)
        has_more, rows = len(fetched) > query.size, fetched[: query.size]
        if not rows and cursor is not None:
            # all rows beyond the cursor are gone: show the first page instead of an empty one
            first_page = MultiDict(args)
            first_page.poplist("at")
            return self.page(session, path, first_page)
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
            columns=self.columns,
            counts=self._count(session, query),
            chips=self._chips(query, rows),
            can_sum=self.sum is not None,
            total=self._total(session, query),
            noun=self.noun,
            placeholder=self.placeholder,
        )
        previous_url = next_url = ""
        if has_previous and rows:
            at = list_cursor.pack(query, rows[0], False, max(first - query.size, 1))
            previous_url = page.url(at=at)
        if has_next and rows:
            at = list_cursor.pack(query, rows[-1], True, first + len(rows))
            next_url = page.url(at=at)
        return replace(page, previous=previous_url, next=next_url)

    def read(self, path: str, args: Args) -> Query:
        """Return the validated query arguments, without the invalid ones."""
        args = MultiDict(args)
        raw_sort = args.get("sort", "")
        sort, descending = raw_sort.removeprefix("-"), raw_sort.startswith("-")
        if sort not in self.sorts:
            sort = next(iter(self.sorts))
            descending = self.sorts[sort].descending
        by, nullable = self.sorts[sort].by, self.sorts[sort].nullable
        order = ("-" if descending else "") + sort
        tab, size, pick = args.get("tab", ""), args.get("size", ""), args.get("pick", "")
        search = " ".join(args.get("q", "").replace("\0", "").split())[:MAX_ARG_LENGTH]
        filters, ignored = self._read_filters(args)
        if args.get("view"):
            # a view may name a filter of an earlier version
            ignored |= bool(set(args) - ARGUMENTS - set(self.filters))
        chosen = {key for text in args.getlist("cols")[:MAX_VALUES] for key in text.split(",")}
        columns = tuple(key for key in self.columns if key in chosen)
        return Query(
            path=path,
            search=search if self.search else "",
            tab=tab if tab in self.tabs else next(iter(self.tabs), ""),
            sort=sort,
            descending=descending,
            size=int(size) if size in map(str, SIZES) else SIZES[0],
            at=list_cursor.unpack(args.get("at", ""), _python_type(by), nullable, order),
            pick=pick if pick in (*self.filters, "cols") else "",
            filters=filters,
            ignored=ignored,
            columns=() if len(columns) == len(self.columns) else columns,
            sum=self.sum is not None and bool(args.get("sum")),
            view=args.get("view", "")[:36],
        )

    def _read_filters(self, args: MultiDict[str, str]) -> tuple[dict[str, tuple[str, ...]], bool]:
        """Return the valid values of each filter, and whether any were invalid."""
        filters, ignored = {}, False
        for key, filter in self.filters.items():
            values = list(dict.fromkeys(args.getlist(key)))[:MAX_VALUES]
            if filter.kind == "date":
                days = args.get(f"{key}.from", ""), args.get(f"{key}.to", "")
                values = [SEPARATOR.join(days)] if any(days) else values[:1]
            given = [value[:MAX_ARG_LENGTH] for value in values if value]
            valid = tuple(
                value for value in given if "\0" not in value and filter.where(value) is not None
            )
            ignored |= len(valid) < len(given)
            if valid:
                filters[key] = valid
        return filters, ignored

    def shown_columns(self, query: Query) -> list[Column]:
        """Return the columns of an export: those chosen, and always the first."""
        first = next(iter(self.columns), "")
        keys = [key for key in self.columns if key == first or query.shows(key)]
        return [self.columns[key] for key in keys]

    def uuids(self, session: Session, args: Args, limit: int) -> list[str]:
        """Return the UUIDs of all rows that match, in the order of their keys.

        Args:
            session: as for `page`.
            args: as for `page`.
            limit: the number of UUIDs at most.
        """
        query = self.read("", args)
        column = self.select.selected_columns["uuid"]
        statement = self.select.with_only_columns(column).where(*self._where(query, query.tab))
        return list(session.scalars(statement.order_by(self.key).limit(limit)))

    def batches(self, session: Session, query: Query) -> Iterator[Rows]:
        """Yield all rows of a list, some at a time.

        Args:
            session: as for `page`.
            query: what was read from the URL.
        """
        cursor: Cursor | None = None
        while True:
            rows = self._fetch(session, query, BATCH, cursor)
            yield rows
            if len(rows) < BATCH:
                return
            cursor = Cursor(True, rows[-1]._sort, rows[-1]._key, 0)

    def _where(self, query: Query, tab: str) -> list[Any]:
        conditions: list[Any] = []
        for key, values in query.filters.items():
            matches: list[Any] = [self.filters[key].where(value) for value in values]
            conditions.append(sa.or_(*matches))
        if tab and self.tabs[tab].where is not None:
            conditions.append(self.tabs[tab].where)
        if query.search and self.search:
            conditions.append(self.search(query.search))
        return conditions

    def _fetch(
        self, session: Session, query: Query, limit: int, cursor: Cursor | None
    ) -> list[Row]:
        """Return rows beyond a position: those with a sort value, then those without."""
        forward = cursor is None or cursor.forward
        parts = [False]
        if self.sorts[query.sort].nullable:
            parts = [False, True] if forward else [True, False]
            if cursor is not None and (cursor.value is None) == parts[1]:
                parts = parts[1:]
        keys = self._parts(query)
        if keys:
            descending = query.descending if forward else not query.descending
            beyond = cursor.key if cursor else None
            where = [self.key.in_(next_keys(keys, beyond, descending=descending, limit=limit))]
        else:
            where = self._where(query, query.tab)
        rows: list[Row] = []
        for index, nulls in enumerate(parts):
            statement = self._rows(query, cursor if index == 0 else None, forward, nulls, where)
            rows += session.execute(statement.limit(limit - len(rows))).all()
            if len(rows) >= limit:
                break
        return rows

    def _parts(self, query: Query) -> tuple[sa.Select[int], ...]:
        """Return selects of the keys, each in the order of the list, if there are such."""
        tab = self.tabs.get(query.tab)
        if self.sorts[query.sort].by is not self.key or query.filters:
            return ()
        if not query.search:
            return tab.parts if tab else ()
        if self.search_parts is None or (tab and tab.restricts):
            return ()
        return self.search_parts(query.search)

    def _rows(
        self, query: Query, cursor: Cursor | None, forward: bool, nulls: bool, where: list[Any]
    ) -> Selected:
        sort = self.sorts[query.sort]
        by = sort.by
        descending = query.descending if forward else not query.descending
        statement = self.select.add_columns(by.label("_sort"), self.key.label("_key"))
        statement = statement.where(*where)
        if sort.nullable:
            statement = statement.where(by.is_(None) if nulls else by.is_not(None))
        columns = [self.key] if by is self.key or nulls else [by, self.key]
        if cursor is not None:
            # a row comparison can use the index; "a > x or (a = x and b > y)" would scan it
            values = [sa.literal(cursor.key)]
            if len(columns) == 2:
                values.insert(0, sa.literal(cursor.value, by.type))
            row, position = sa.tuple_(*columns), sa.tuple_(*values)
            statement = statement.where(row < position if descending else row > position)
        return statement.order_by(
            *[column.desc() if descending else column.asc() for column in columns]
        )

    def _count(self, session: Session, query: Query) -> dict[str, int]:
        if query.narrowed or not self.tabs:
            return {}
        return dict(zip(self.tabs, session.execute(self._count_query).one(), strict=True))

    @cached_property
    def _count_query(self) -> sa.Select[*tuple[int, ...]]:
        """The query for the rows of each tab; building it takes longer than it does to run."""
        return count_query(self.select, self.key, self.tabs)

    def _total(self, session: Session, query: Query) -> Total | None:
        if self.sum is None or not query.sum:
            return None
        period = self.sum.period if self.sum.period is not None else sa.literal("")
        amounts = (
            self.select.with_only_columns(
                self.sum.minor.label("minor"),
                self.sum.currency.label("currency"),
                period.label("period"),
            )
            .where(*self._where(query, query.tab))
            .limit(SUM_CAP + 1)
            .subquery()
        )
        currency, period = amounts.c.currency, amounts.c.period
        sums = session.execute(
            sa.select(currency, period, sa.func.sum(amounts.c.minor), sa.func.count())
            .group_by(currency, period)
            .order_by(currency, period)
        ).all()
        if sum(row[3] for row in sums) > SUM_CAP:
            return Total((), too_many=True)
        return Total(tuple((Money(int(row[2] or 0), row[0]), row[1]) for row in sums))

    def _chips(self, query: Query, rows: Rows) -> list[Chip]:
        chips = []
        for key, filter in self.filters.items():
            values = query.filters.get(key, ())
            open = query.pick == key
            words = filter.labels(values, rows[0] if rows else None) if values else []
            choices = filter.choices() if open else ()
            chips.append(
                Chip(key, filter.label, values, ", ".join(words), filter.kind, choices, open)
            )
        return sorted(chips, key=lambda chip: not chip.values)


def _python_type(column: Any) -> type:
    stored: Any = column.type.impl if isinstance(column.type, sa.TypeDecorator) else column.type
    python_type: type = stored.python_type
    return python_type
