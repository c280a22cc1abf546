"""Uptime and response times, read from hourly and daily sums instead of single results."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import cache, db, format_number, now

from ..models.checks import Check, Outage
from ..models.results import DAY, HOUR, Result, Summary
from .recording import start_of
from .states import DOWN, UNABLE, UNKNOWN, UP

# Grain and number of slots of each chart.
SPANS = {"24h": (HOUR, 24), "7d": (HOUR, 168), "30d": (DAY, 30)}
# Uptime over 7 days is read from daily sums.
UPTIME_SPANS = {**SPANS, "7d": (DAY, 7)}
STATES = (UP, DOWN, UNABLE, UNKNOWN, "paused")
CACHE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Slot:
    """The sums of one hour or day; `mean` is the mean response time in milliseconds."""

    at: datetime
    up: int = 0
    down: int = 0
    unable: int = 0
    mean: int | None = None


def percent(up: int, down: int) -> str:
    """Return uptime as text, rounded down: 100 % means that nothing failed."""
    if up + down == 0:
        return "—"
    share = math.floor(up * 10000 / (up + down)) / 100
    return f"{format_number(share)} %"


def counts() -> dict[str, int]:
    """Return the number of checks in each state."""
    totals = dict.fromkeys(STATES, 0)
    query = sa.select(Check.active, Check.state, sa.func.count())
    for active, state, count in db.session.execute(query.group_by(Check.active, Check.state)):
        totals[state if active else "paused"] += count
    return totals


def uptime(ids: Collection[int] | None = None) -> dict[int, dict[str, str]]:
    """Return uptime over 24 hours, 7 days and 30 days, in one query.

    24 hours are whole hours up to now, days are calendar days in UTC.

    Args:
        ids: The checks; None for all checks together.

    Returns:
        Uptime by span, by check id, or under 0 for all checks together.
    """
    if ids is not None and not ids:
        return {}
    columns = [
        _sum_since(column, *UPTIME_SPANS[span])
        for span in SPANS
        for column in (Summary.up, Summary.down)
    ]
    where = sa.or_(_is_since(*UPTIME_SPANS["24h"]), _is_since(*UPTIME_SPANS["30d"]))
    if ids is None:
        query = sa.select(sa.literal(0), *columns).where(where)
    else:
        query = sa.select(Summary.check_id, *columns)
        query = query.where(where, Summary.check_id.in_(ids)).group_by(Summary.check_id)
    return {
        key: {
            span: percent(int(sums[2 * index]), int(sums[2 * index + 1]))
            for index, span in enumerate(SPANS)
        }
        for key, *sums in db.session.execute(query)
    }


def _is_since(grain: str, slots: int) -> Any:
    """Return the condition for the sums of the last slots."""
    start = start_of(grain, now() - timedelta(**{f"{grain}s": slots - 1}))
    return (Summary.grain == grain) & (Summary.starts_at >= start)


def _sum_since(column: Any, grain: str, slots: int) -> Any:
    return sa.func.coalesce(sa.func.sum(sa.case((_is_since(grain, slots), column), else_=0)), 0)


def series(span: str, check_id: int | None = None) -> list[Slot]:
    """Return every slot of a span, oldest first, including those without results.

    Args:
        span: A key of `SPANS`.
        check_id: The check; None for all checks together.
    """
    grain, count = SPANS[span]
    step = timedelta(**{f"{grain}s": 1})
    start = start_of(grain, now()) - (count - 1) * step
    columns = (Summary.up, Summary.down, Summary.unable, Summary.response_sum)
    query = (
        sa.select(Summary.starts_at, *(sa.func.sum(column) for column in columns))
        .where(Summary.grain == grain, Summary.starts_at >= start)
        .group_by(Summary.starts_at)
    )
    if check_id is not None:
        query = query.where(Summary.check_id == check_id)
    slots = {}
    for at, *values in db.session.execute(query):
        up, down, unable, response_sum = (int(value or 0) for value in values)
        slots[at] = Slot(at, up, down, unable, round(response_sum / up) if up else None)
    times = [start + index * step for index in range(count)]
    return [slots.get(at) or Slot(at) for at in times]


def overview() -> Mapping[str, Any]:
    """Return uptime and the last 24 hours of all checks together.

    Cached for a minute, until the next result: the list, which is not cached, must not contradict
    it.
    """

    def read() -> dict[str, Any]:
        slots = [[s.at.isoformat(), s.up, s.down, s.unable, s.mean] for s in series("24h")]
        return {"uptime": uptime()[0], "series": slots}

    newest, checks = db.session.execute(
        sa.select(
            sa.select(sa.func.max(Result.id)).scalar_subquery(),
            sa.select(sa.func.count(Check.id)).scalar_subquery(),
        )
    ).one()
    cached = cache.remember(f"dashboard/{newest}/{checks}", CACHE_SECONDS, read)
    slots = [Slot(datetime.fromisoformat(at), *values) for at, *values in cached["series"]]
    return {"uptime": cached["uptime"], "series": slots}


def outages(limit: int, *, check_id: int | None = None, open_only: bool = False) -> Sequence[Any]:
    """Return outages with the names of their checks, newest first."""
    query = sa.select(Outage, Check.id.label("check_id"), Check.name, Check.target).join(
        Check, Check.id == Outage.check_id
    )
    if check_id is not None:
        query = query.where(Outage.check_id == check_id)
    if open_only:
        query = query.where(Outage.ended_at.is_(None), Check.active)
    return list(db.session.execute(query.order_by(Outage.id.desc()).limit(limit)))


def results(check_id: int, limit: int, before: int | None = None) -> Sequence[Result]:
    """Return results of a check, newest first.

    Args:
        check_id: The check.
        limit: How many results at most.
        before: The id of the last result of the previous page.
    """
    query = sa.select(Result).where(Result.check_id == check_id)
    if before is not None:
        at = sa.select(Result.checked_at).where(Result.id == before).scalar_subquery()
        is_earlier = (Result.checked_at == at) & (Result.id < before)
        query = query.where(sa.or_(Result.checked_at < at, is_earlier))
    query = query.order_by(Result.checked_at.desc(), Result.id.desc()).limit(limit)
    return list(db.session.scalars(query))
