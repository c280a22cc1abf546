"""Delete old rows in batches: results after days, hourly sums after months, daily after years."""

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
DEADLINE_SECONDS = 200.0


def prune() -> dict[str, int]:
    """Delete what is older than the settings allow; what does not fit in the time is left.

    Returns:
        How many rows of each kind were deleted.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    current = settings.current()
    oldest_result = now() - timedelta(days=current.raw_days)
    oldest_hour = now() - timedelta(days=current.hour_days)
    oldest_day = now() - timedelta(days=current.day_days)
    is_hour, is_day = Summary.grain == HOUR, Summary.grain == DAY
    return {
        "results": _delete(Result, Result.checked_at, oldest_result, deadline),
        "hours": _delete(Summary, Summary.starts_at, oldest_hour, deadline, is_hour),
        "days": _delete(Summary, Summary.starts_at, oldest_day, deadline, is_day),
        "outages": _delete(Outage, Outage.ended_at, oldest_day, deadline),
    }


def _delete(model: Any, column: Any, oldest: Any, deadline: float, *conditions: Any) -> int:
    query = sa.select(model.id).where(column < oldest, *conditions).order_by(column).limit(BATCH)
    deleted = 0
    while time.monotonic() < deadline:
        with db.transaction() as session:
            ids = list(session.scalars(query))
            if ids:
                statement = sa.delete(model).where(model.id.in_(ids))
                session.execute(statement.execution_options(synchronize_session=False))
        deleted += len(ids)
        if len(ids) < BATCH:
            break
    return deleted
