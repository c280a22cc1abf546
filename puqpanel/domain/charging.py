"""On which days a saved payment method is charged for a document."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

RETRIES = (3, 5)
"""Days after the due date on which a charge that failed is tried again."""
MAX_LATE = 10
"""Days after the due date from which nothing is charged automatically: staff and client decide."""
TRIES = 1 + len(RETRIES)


def days(due_on: date, before: int) -> list[date]:
    """Return the days of the tries.

    Args:
        due_on: when the document is due.
        before: how many days earlier the first try is.
    """
    return [due_on - timedelta(before), *(due_on + timedelta(late) for late in RETRIES)]


def try_number(due_on: date, before: int, today: date) -> int:
    """Return which try is due on a day, from 1; 0 if none is."""
    if today >= due_on + timedelta(MAX_LATE):
        return 0
    return sum(day <= today for day in days(due_on, before))


def next_day(due_on: date, before: int, after: date) -> date | None:
    """Return the day of the first try after a day; None if there is none."""
    return next((day for day in days(due_on, before) if day > after), None)


def key(document_uuid: str, number: int) -> str:
    """Return the UUID of the attempt of a try, which is also the key at the gateway."""
    return str(uuid.uuid5(uuid.UUID(document_uuid), f"charge:{number}"))


def try_of(attempt_uuid: str, document_uuid: str) -> int:
    """Return which automatic charge for a document an attempt is, from 1; 0 if it is none."""
    numbers = range(1, TRIES + 1)
    return next((each for each in numbers if key(document_uuid, each) == attempt_uuid), 0)
