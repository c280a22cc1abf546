"""The list of checks, a page at a time: a page is named by the check before or after it, so the
last costs what the first does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import sqlalchemy as sa

from puqpanel.sdk import db

from ..models.checks import Check
from .figures import STATES

SIZE = 25


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    `previous` and `next` are the ends of addresses, empty where there is nothing further.
    """

    rows: Sequence[Check]
    state: str
    search: str
    previous: str
    next: str

    def link(self, state: str) -> str:
        """The end of the address of another state's list, with the same search."""
        return _query(state, self.search)


def page(args: Mapping[str, str]) -> Page:
    """The page that an address asks for; what makes no sense in it is left out.

    Two queries at most.
    """
    state = args.get("state", "") if args.get("state") in STATES else ""
    search = " ".join(args.get("q", "").replace("\0", "").split())[:100]
    where = []
    if state:
        where.append(
            Check.active.is_(False)
            if state == "paused"
            else sa.and_(Check.active, Check.state == state)
        )
    if search:
        where.append(
            sa.or_(
                Check.name.icontains(search, autoescape=True),
                Check.target.icontains(search, autoescape=True),
            )
        )
    back = args.get("before", "")
    mark = _mark(back or args.get("after", ""))
    pair = sa.tuple_(Check.name, Check.id)
    query = sa.select(Check).where(*where)
    if mark is not None:
        query = query.where(pair < sa.tuple_(*mark) if back else pair > sa.tuple_(*mark))
    order = (
        (Check.name.desc(), Check.id.desc())
        if back and mark is not None
        else (Check.name, Check.id)
    )
    rows = list(db.session.scalars(query.order_by(*order).limit(SIZE + 1)))
    more, rows = len(rows) > SIZE, rows[:SIZE]
    if back and mark is not None:
        rows.reverse()
        earlier, later = more, True
    else:
        earlier, later = mark is not None, more
    return Page(
        rows,
        state,
        search,
        _query(state, search, before=rows[0].id) if earlier and rows else "",
        _query(state, search, after=rows[-1].id) if later and rows else "",
    )


def _mark(text: str) -> tuple[sa.ColumnElement[str], sa.ColumnElement[int]] | None:
    if not text.isdecimal() or len(text) > 9:
        return None
    name = db.session.scalar(sa.select(Check.name).where(Check.id == int(text)))
    return None if name is None else (sa.literal(name), sa.literal(int(text)))


def _query(state: str, search: str, **place: int) -> str:
    text = urlencode(
        {key: value for key, value in {"state": state, "q": search, **place}.items() if value}
    )
    return f"?{text}"
