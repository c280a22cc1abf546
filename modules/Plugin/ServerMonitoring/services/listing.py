"""The list of checks, with keyset pagination: the last page costs as much as the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa

from puqpanel.sdk import db

from ..models.checks import Check
from .statistics import STATES

PAGE_SIZE = 25
MAX_SEARCH_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list.

    `previous` and `next` are query strings, empty if there is no such page.
    """

    rows: Sequence[Check]
    state: str
    search: str
    previous: str
    next: str

    def link(self, state: str) -> str:
        """Return the query string of another state's list with the same search."""
        return _query_string(state, self.search)


def page(args: Mapping[str, str]) -> Page:
    """Return the page for a query string, ignoring invalid values; two queries at most."""
    state = args.get("state", "")
    if state not in STATES:
        state = ""
    search = " ".join(args.get("q", "").replace("\0", "").split())[:MAX_SEARCH_CHARACTERS]
    query = sa.select(Check).where(*_conditions(state, search))
    before, after = args.get("before", ""), args.get("after", "")
    position = _position(before or after)
    is_backward = bool(before) and position is not None
    key = sa.tuple_(Check.name, Check.id)
    if position is not None:
        query = query.where(key < position if is_backward else key > position)
    if is_backward:
        query = query.order_by(Check.name.desc(), Check.id.desc())
    else:
        query = query.order_by(Check.name, Check.id)
    rows = list(db.session.scalars(query.limit(PAGE_SIZE + 1)))
    has_more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    if is_backward:
        rows.reverse()
        has_previous, has_next = has_more, True
    else:
        has_previous, has_next = position is not None, has_more
    return Page(
        rows,
        state,
        search,
        _query_string(state, search, before=rows[0].id) if has_previous and rows else "",
        _query_string(state, search, after=rows[-1].id) if has_next and rows else "",
    )


def _conditions(state: str, search: str) -> list[Any]:
    conditions: list[Any] = []
    if state == "paused":
        conditions.append(Check.active.is_(False))
    elif state:
        conditions += [Check.active, Check.state == state]
    if search:
        in_name = Check.name.icontains(search, autoescape=True)
        conditions.append(sa.or_(in_name, Check.target.icontains(search, autoescape=True)))
    return conditions


def _position(id: str) -> sa.ColumnElement[Any] | None:
    """Return the sort key of a check, or None if there is no such check."""
    if not id.isdecimal() or len(id) > 9:
        return None
    name = db.session.scalar(sa.select(Check.name).where(Check.id == int(id)))
    return None if name is None else sa.tuple_(sa.literal(name), sa.literal(int(id)))


def _query_string(state: str, search: str, **position: int) -> str:
    values = {"state": state, "q": search, **position}
    return "?" + urlencode({key: value for key, value in values.items() if value})
