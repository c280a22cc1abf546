"""Keeps the tables bounded: results for some days, hours for some months, days for some years;
in batches, so that nobody waits.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import db, now

from ..models import settings
from ..models.checks import Outage
from ..models.results import DAY, HOUR, Result, Summary

BATCH = 2000
BUDGET = 200.0


def thin() -> dict[str, int]:
    """Removes what is older than the settings say; answers how many rows of each kind.

    What is left over when time is up goes next time.
    """
    kept, moment, until = settings.current(), now(), time.monotonic() + BUDGET
    old_hours = (Summary.grain == HOUR, Summary.starts_at < moment - timedelta(days=kept.hour_days))
    old_days = (Summary.grain == DAY, Summary.starts_at < moment - timedelta(days=kept.day_days))
    return {
        "results": _remove(
            Result,
            (Result.checked_at < moment - timedelta(days=kept.raw_days),),
            Result.checked_at,
            until,
        ),
        "hours": _remove(Summary, old_hours, Summary.starts_at, until),
        "days": _remove(Summary, old_days, Summary.starts_at, until),
        "outages": _remove(
            Outage,
            (Outage.ended_at < moment - timedelta(days=kept.day_days),),
            Outage.ended_at,
            until,
        ),
    }


def _remove(model: Any, where: tuple[Any, ...], order: Any, until: float) -> int:
    gone = 0
    while time.monotonic() < until:
        with db.transaction() as session:
            ids = list(
                session.scalars(sa.select(model.id).where(*where).order_by(order).limit(BATCH))
            )
            if ids:
                session.execute(
                    sa.delete(model)
                    .where(model.id.in_(ids))
                    .execution_options(synchronize_session=False)
                )
        gone += len(ids)
        if len(ids) < BATCH:
            break
    return gone
