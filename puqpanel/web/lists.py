"""Every list of the panel: search, filters in the address, sort, page size, stable paging at any
number of rows, CSV of what is shown.

A list is declared once, next to its view::

    SERVICES = Listing(
        select(Service.id, Service.name, Client.name.label("client")).join(Client),
        key=Service.id,
        sorts={"name": Sort(Service.name), "new": Sort(Service.id, descending=True)},
        ...
    )
    page = SERVICES.page(session(), request.path, request.args)

Paging is by keyset: a page is named by the last row before it, never by a number, so the millionth
row costs what the first one does and rows that come and go while somebody reads neither repeat nor
hide others. Sort only by what an index begins with. Counts stop at a thousand and all tabs' counts
are one query; a searched or filtered list is not counted at all.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from puqpanel.domain.spreadsheet import csv_line
from puqpanel.infra.db import UtcDateTime
from puqpanel.web.list_page import CAP, SIZES, Chip, Choices, Page, Place, Query, Row, Rows, Tab

Selected = sa.Select[*tuple[Any, ...]]
BATCH = 500
LONGEST_SEARCH = 100
OWN = frozenset({"q", "tab", "sort", "size", "at", "pick", "format"})


@dataclass(frozen=True, slots=True)
class Sort:
    """One order of the rows.

    Args:
        by: an expression that is never NULL and that an index begins with.
        descending: the direction it takes at first.
    """

    by: Any
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """One chip.

    Args:
        label: the word on the chip.
        where: text from the address → condition; None where the text means nothing, and then it is
            ignored.
        choices: what can be picked, (text, word); asked for only when somebody opens the chip or
            reads a set one without `shown`.
        shown: the word of what is set, from the first row and the text in the address; saves the
            query for choices.
        kind: `select` for choices, else the type of an input.
    """

    label: str
    where: Callable[[str], Any | None]
    choices: Callable[[], Choices] = lambda: ()
    shown: Callable[[Any, str], str] | None = None
    kind: str = "select"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the CSV: its head and the text of a row."""

    label: str
    text: Callable[[Any], object]


@dataclass(frozen=True)
class Listing:
    """One list, declared.

    Args:
        select: the columns of a row, joins included, without order or limit.
        key: the integer key that settles ties.
        sorts: name → order; the first is the default.
        tabs: key → tab; the first shows everything.
        filters: key → filter; keys must not be those of the list itself.
        search: text → condition.
        columns: the CSV.
        noun: what the rows are called, in the plural.
        placeholder: what may be searched for.
        keep: further arguments of the address that belong to the page and travel along.
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
    keep: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        clash = OWN & set(self.filters)
        if clash or not self.sorts:
            raise ValueError(f"a list needs a sort, and filters may not be called {sorted(OWN)}")

    def page(
        self, session: Session, path: str, args: Mapping[str, str], *, scope: Any = None
    ) -> Page:
        """One page: two queries at most (rows, counts), and one more for a filter that is being
        picked.

        Args:
            session: where to read.
            path: the address of the list.
            args: the address's arguments; whatever makes no sense is ignored.
            scope: a condition that holds for the whole list, as “of this client”.
        """
        query = self.read(path, args)
        forward = query.at is None or query.at.forward
        found = list(session.execute(self._rows(query, scope, query.size + 1, query.at)).all())
        more, rows = len(found) > query.size, found[: query.size]
        if not forward:
            rows.reverse()
        before = query.at is not None if forward else more
        after = more if forward else True
        if not rows and query.at is not None:
            # the rows beyond the place are gone by now: begin again rather than show an empty page
            return self.page(
                session,
                path,
                {name: value for name, value in args.items() if name != "at"},
                scope=scope,
            )
        first = query.at.first if query.at and before else 1
        blank = Page(query, rows, first, self.tabs, {}, (), "", "", self.noun, self.placeholder)
        return Page(
            query=query,
            rows=rows,
            first=first,
            tabs=self.tabs,
            counts=self._count(session, query, scope),
            chips=self._chips(query, rows),
            previous=(
                blank.url(at=self._place(query, rows[0], False, max(first - query.size, 1)))
                if before and rows
                else ""
            ),
            next=(
                blank.url(at=self._place(query, rows[-1], True, first + len(rows)))
                if after and rows
                else ""
            ),
            noun=self.noun,
            placeholder=self.placeholder,
        )

    def read(self, path: str, args: Mapping[str, str]) -> Query:
        """What an address asks for, with everything that makes no sense left out."""
        raw = args.get("sort", "")
        name, descending = raw.removeprefix("-"), raw.startswith("-")
        if name not in self.sorts:
            name = next(iter(self.sorts))
            descending = self.sorts[name].descending
        tab = args.get("tab", "")
        size = args.get("size", "")
        filters = {
            key: args[key][:LONGEST_SEARCH]
            for key, one in self.filters.items()
            if args.get(key)
            and "\0" not in args[key]
            and one.where(args[key][:LONGEST_SEARCH]) is not None
        }
        return Query(
            path=path,
            search=(
                " ".join(args.get("q", "").replace("\0", "").split())[:LONGEST_SEARCH]
                if self.search
                else ""
            ),
            tab=tab if tab in self.tabs else next(iter(self.tabs), ""),
            sort=name,
            descending=descending,
            size=int(size) if size.isdecimal() and int(size) in SIZES else SIZES[0],
            at=_unpack(args.get("at", ""), self._type(name), name, descending),
            pick=args.get("pick", "") if args.get("pick", "") in self.filters else "",
            filters=filters,
            kept={key: args[key][:LONGEST_SEARCH] for key in self.keep if args.get(key)},
        )

    def csv(self, session: Session, args: Mapping[str, str], *, scope: Any = None) -> Iterator[str]:
        """What the list shows, all pages of it, as lines of CSV, read in batches so that memory
        stays flat.

        Args:
            session, args, scope: as for `page`.
        """
        query = self.read("", args)
        yield csv_line([column.label for column in self.columns])
        at: Place | None = None
        while True:
            rows = session.execute(self._rows(query, scope, BATCH, at)).all()
            yield "".join(csv_line([column.text(row) for column in self.columns]) for row in rows)
            if len(rows) < BATCH:
                return
            at = Place(True, rows[-1]._sort, rows[-1]._key, 0)

    def _type(self, sort: str) -> type:
        column_type = self.sorts[sort].by.type
        kind: type = (
            datetime
            if isinstance(column_type, UtcDateTime | sa.DateTime)
            else column_type.python_type
        )
        return kind

    def _where(self, query: Query, scope: Any, *, tab: str | None = None) -> list[Any]:
        tab = query.tab if tab is None else tab
        conditions: list[Any] = [] if scope is None else [scope]
        if tab and self.tabs[tab].where is not None:
            conditions.append(self.tabs[tab].where)
        conditions.extend(self.filters[key].where(value) for key, value in query.filters.items())
        if query.search and self.search:
            conditions.append(self.search(query.search))
        return conditions

    def _rows(self, query: Query, scope: Any, limit: int, at: Place | None) -> Selected:
        by = self.sorts[query.sort].by
        down = query.descending if at is None or at.forward else not query.descending
        statement = self.select.add_columns(by.label("_sort"), self.key.label("_key")).where(
            *self._where(query, scope)
        )
        keys = [self.key] if by is self.key else [by, self.key]
        if at is not None and by is self.key:
            statement = statement.where(self.key < at.key if down else self.key > at.key)
        elif at is not None:
            # a row comparison walks the index from the mark; "a > x or (a = x and b > y)" would
            # read from the start
            pair, mark = (
                sa.tuple_(by, self.key),
                sa.tuple_(sa.literal(at.value, by.type), sa.literal(at.key)),
            )
            statement = statement.where(pair < mark if down else pair > mark)
        return statement.order_by(*(one.desc() if down else one.asc() for one in keys)).limit(limit)

    def _count(self, session: Session, query: Query, scope: Any) -> dict[str, int]:
        if query.narrowed or not self.tabs:
            return {}
        # counted over the key alone: joined tables are of no interest unless a condition names them
        counts = []
        for key in self.tabs:
            some = (
                self.select.with_only_columns(self.key)
                .where(*self._where(query, scope, tab=key))
                .limit(CAP + 1)
                .subquery()
            )
            counts.append(sa.select(sa.func.count()).select_from(some).scalar_subquery())
        return dict(zip(self.tabs, session.execute(sa.select(*counts)).one(), strict=True))

    def _chips(self, query: Query, rows: Rows) -> list[Chip]:
        chips = []
        for key, one in self.filters.items():
            value = query.filters.get(key, "")
            picking = query.pick == key and not value
            word, choices = "", one.choices() if picking else ()
            if value:
                word = (
                    one.shown(rows[0], value)
                    if one.shown and rows
                    else dict(one.choices()).get(value, value)
                )
            chips.append(Chip(key, one.label, value, word, one.kind, choices, picking))
        return sorted(chips, key=lambda chip: not chip.value)

    def _place(self, query: Query, row: Row, forward: bool, first: int) -> str:
        value = row._sort.isoformat() if isinstance(row._sort, datetime) else row._sort
        order = ("-" if query.descending else "") + query.sort
        text = json.dumps([order, int(forward), value, row._key, first], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _unpack(text: str, kind: type, sort: str, descending: bool) -> Place | None:
    """A place from an address; None where it is no place of this order.

    Its values are bound, so a forged one finds another page at worst.
    """
    if not text or len(text) > 2000:
        return None
    try:
        order, forward, value, key, first = json.loads(
            base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        )
        if kind is datetime:
            value = datetime.fromisoformat(value)
            if value.tzinfo is None:
                return None
    except (ValueError, TypeError, binascii.Error, RecursionError):
        return None
    whole = all(
        type(number) is int and 0 <= number < 2**62 for number in (key, first)
    ) and forward in (0, 1)
    fits = (
        type(value) is kind
        and not (isinstance(value, str) and "\0" in value)
        and not (isinstance(value, int) and abs(value) >= 2**62)
    )
    if not whole or not fits or order != ("-" if descending else "") + sort:
        return None
    return Place(bool(forward), value, key, max(first, 1))
