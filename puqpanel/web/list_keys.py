"""Keys of list rows: counts for each tab, and the keys of a tab or search in several selects."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql import visitors

from puqpanel.web.list_page import CAP, Tab

FEW = 1000
Selected = sa.Select[*tuple[Any, ...]]


def count_query(select: Selected, key: Any, tabs: Mapping[str, Tab]) -> sa.Select[*tuple[int, ...]]:
    """Return the query that counts the rows of each tab; a count above CAP means "more than CAP".

    Args:
        select: all rows of the list.
        key: the column with their keys.
        tabs: the tabs.
    """
    return sa.select(*(_count(select, key, tab) for tab in tabs.values()))


def _count(select: Selected, key: Any, tab: Tab) -> Any:
    if not tab.parts:
        return _number(_keys(select, key, tab.where))
    return reduce(operator.add, (_number(_in_order(part, tab)) for part in tab.parts))


def _in_order(part: sa.Select[int], tab: Tab) -> sa.Select[int]:
    order = part.selected_columns if tab.counted_by is None else [tab.counted_by]
    return part.order_by(*order)


def _number(keys: sa.Select[int]) -> Any:
    capped = keys.limit(CAP + 1).subquery()
    return sa.select(sa.func.count()).select_from(capped).scalar_subquery()


def _keys(select: Selected, key: Any, where: Any) -> sa.Select[int]:
    """Select the keys of rows, without joined tables to which no condition refers."""
    used = [condition for condition in (where, select.whereclause) if condition is not None]
    sources = (part for source in select.get_final_froms() for part in visitors.iterate(source))
    joined = {part for part in sources if isinstance(part, sa.FromClause)}
    parts = (part for condition in used for part in visitors.iterate(condition))
    referred = {part.table for part in parts if isinstance(part, sa.Column)}
    if joined & referred <= {key.expression.table}:
        return sa.select(key).where(*used)
    return select.with_only_columns(key).where(*used)


def few_keys(session: Session, parts: Iterable[sa.Select[int]]) -> list[int] | None:
    """Return the keys of all parts; None if there are more than FEW, as scanning is then faster.

    Args:
        session: the session to read from.
        parts: as for a tab.
    """
    found = set(session.scalars(next_keys(parts, None, descending=True, limit=FEW + 1)).all())
    return sorted(found) if len(found) <= FEW else None


def next_keys(
    parts: Iterable[sa.Select[int]], beyond: int | None, *, descending: bool, limit: int
) -> sa.CompoundSelect[int]:
    """Select the next keys of each part; together they include the next keys overall.

    Args:
        parts: as for a tab.
        beyond: the key before the first one.
        descending: the order.
        limit: the number of keys of each part.
    """
    found = []
    for part in parts:
        (key,) = part.selected_columns
        keys = part.order_by(key.desc() if descending else key).limit(limit)
        if beyond is not None:
            keys = keys.where(key < beyond if descending else key > beyond)
        found.append(sa.select(keys.subquery()))
    return sa.union_all(*found)
