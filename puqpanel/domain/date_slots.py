"""Days, weeks and months of a range of calendar days in UTC."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from puqpanel.domain.errors import UserError
from puqpanel.domain.texts import _

By = Literal["day", "week", "month"]
MAX_RANGE_DAYS = 3660
"""Maximum length of a range."""


def between(first: date, last: date) -> tuple[datetime, datetime]:
    """Return the start of a range and its exclusive end.

    Args:
        first: Its first day.
        last: Its last day.

    Raises:
        UserError: The days are in the wrong order, or more than ten years apart.
    """
    if last < first:
        raise UserError(_("The first day of a range must come before its last day."))
    if (last - first).days > MAX_RANGE_DAYS:
        raise UserError(_("A range can span at most ten years."))
    return datetime.combine(first, time(), UTC), datetime.combine(
        last + timedelta(days=1), time(), UTC
    )


def sums(days: dict[date, int], by: By) -> Counter[date]:
    """Return the sum of the numbers of each slot's days, by the first day of the slot."""
    found: Counter[date] = Counter()
    for day, count in days.items():
        found[slot(day, by)] += count
    return found


def slot(day: date, by: By) -> date:
    """Return the first day of the slot of a day; a week begins on Monday."""
    if by == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if by == "month" else day


def starts(first: date, last: date, by: By) -> list[date]:
    """Return the first day of each slot in a range."""
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return list(dict.fromkeys(slot(day, by) for day in days))
