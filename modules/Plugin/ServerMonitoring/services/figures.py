"""What the results amount to: uptime and response times, read from the sums of hours and days,
never from single results.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import cache, db, now

from ..models.checks import Check, Outage
from ..models.results import DAY, HOUR, Result, Summary
from .record import start
from .states import DOWN, UNABLE, UNKNOWN, UP

SPANS = {"24h": (HOUR, 24), "7d": (HOUR, 168), "30d": (DAY, 30)}
STATES = (UP, DOWN, UNABLE, UNKNOWN, "paused")


@dataclass(frozen=True, slots=True)
class Slot:
    """One hour or day: how often it was up, down and neither, and the mean response time in
    milliseconds where it was up.
    """

    at: datetime
    up: int = 0
    down: int = 0
    unable: int = 0
    mean: int | None = None


def percent(up: int, down: int) -> str:
    """Uptime as people read it. It is cut, not rounded: 100 % means that nothing failed."""
    if up + down == 0:
        return "—"
    share = math.floor(up * 10000 / (up + down)) / 100
    return f"{share:.2f}".rstrip("0").rstrip(".") + " %"


def counts() -> dict[str, int]:
    """How many checks stand how."""
    found = dict.fromkeys(STATES, 0)
    for active, state, count in db.session.execute(
        sa.select(Check.active, Check.state, sa.func.count()).group_by(Check.active, Check.state)
    ):
        found[state if active else "paused"] += count
    return found


def uptime(ids: Collection[int] | None = None) -> dict[int, dict[str, str]]:
    """Uptime over 24 hours, 7 days and 30 days: of each of these checks, or under 0 of all.

    One query.

    24 hours are whole hours up to now, days are calendar days in UTC.
    """
    moment = now()
    begin = {
        span: start(grain, moment - timedelta(**{f"{grain}s": count - 1}))
        for span, (grain, count) in {**SPANS, "7d": (DAY, 7)}.items()
    }

    def total(column: Any, span: str) -> Any:
        there = (Summary.grain == SPANS[span if span != "7d" else "30d"][0]) & (
            Summary.starts_at >= begin[span]
        )
        return sa.func.coalesce(sa.func.sum(sa.case((there, column), else_=0)), 0)

    columns = [total(column, span) for span in SPANS for column in (Summary.up, Summary.down)]
    where = sa.or_(
        (Summary.grain == HOUR) & (Summary.starts_at >= begin["24h"]),
        (Summary.grain == DAY) & (Summary.starts_at >= begin["30d"]),
    )
    if ids is None:
        query = sa.select(sa.literal(0), *columns).where(where)
    elif ids:
        query = (
            sa.select(Summary.check_id, *columns)
            .where(where, Summary.check_id.in_(ids))
            .group_by(Summary.check_id)
        )
    else:
        return {}
    return {
        key: {
            span: percent(int(sums[2 * place]), int(sums[2 * place + 1]))
            for place, span in enumerate(SPANS)
        }
        for key, *sums in db.session.execute(query)
    }


def series(span: str, check_id: int | None = None) -> list[Slot]:
    """Every hour or day of a span, of one check or of all, the oldest first; those without a
    result are there too.
    """
    grain, count = SPANS[span]
    step = timedelta(**{f"{grain}s": 1})
    begin = start(grain, now()) - (count - 1) * step
    sums = [
        sa.func.sum(column)
        for column in (Summary.up, Summary.down, Summary.unable, Summary.response_sum)
    ]
    query = (
        sa.select(Summary.starts_at, *sums)
        .where(Summary.grain == grain, Summary.starts_at >= begin)
        .group_by(Summary.starts_at)
    )
    if check_id is not None:
        query = query.where(Summary.check_id == check_id)
    there = {}
    for at, *values in db.session.execute(query):
        up, down, unable, response = (int(value or 0) for value in values)
        there[at] = Slot(at, up, down, unable, round(response / up) if up else None)
    return [there.get(begin + place * step) or Slot(begin + place * step) for place in range(count)]


def everything() -> Mapping[str, Any]:
    """Uptime and the last 24 hours of all checks together, kept for a minute: with thousands of
    checks they are many sums.
    """

    def read() -> dict[str, Any]:
        return {
            "uptime": uptime()[0],
            "series": [
                [slot.at.isoformat(), slot.up, slot.down, slot.unable, slot.mean]
                for slot in series("24h")
            ],
        }

    kept = cache.remember("dashboard", 60, read)
    return {
        "uptime": kept["uptime"],
        "series": [Slot(datetime.fromisoformat(at), *rest) for at, *rest in kept["series"]],
    }


def outages(limit: int, *, check_id: int | None = None, open_only: bool = False) -> Sequence[Any]:
    """Outages with the names of their checks, the newest first."""
    query = sa.select(Outage, Check.id.label("check_id"), Check.name, Check.target).join(
        Check, Check.id == Outage.check_id
    )
    if check_id is not None:
        query = query.where(Outage.check_id == check_id)
    if open_only:
        query = query.where(Outage.ended_at.is_(None), Check.active)
    return list(db.session.execute(query.order_by(Outage.id.desc()).limit(limit)))


def results(check_id: int, limit: int, before: int | None = None) -> Sequence[Result]:
    """Results of a check, the newest first. Args: before, the id of the last one seen."""
    query = sa.select(Result).where(Result.check_id == check_id)
    if before is not None:
        mark = sa.select(Result.checked_at).where(Result.id == before).scalar_subquery()
        query = query.where(
            sa.or_(Result.checked_at < mark, (Result.checked_at == mark) & (Result.id < before))
        )
    return list(
        db.session.scalars(query.order_by(Result.checked_at.desc(), Result.id.desc()).limit(limit))
    )
