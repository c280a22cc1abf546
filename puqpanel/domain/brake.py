"""When a run of automation does too much at once, so that staff have to approve it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from math import ceil
from statistics import median

AT_LEAST = 10
"""So many in a day are never too many, unless nothing ran for a day."""
MAX_PAUSE = timedelta(days=1)
"""Time without a run after which staff approve the next charges, suspensions and terminations."""


class RunKind(StrEnum):
    """What a run does, each with a limit of its own."""

    SERVICES = "services"
    """Suspend and terminate."""
    CHARGES = "charges"
    """Charge saved payment methods."""
    REMINDERS = "reminders"


class StopStatus(StrEnum):
    """What became of a run that stopped."""

    OPEN = "open"
    APPROVED = "approved"
    DISMISSED = "dismissed"


def most_services(active: int, share: int, times: int, daily: Sequence[int]) -> int:
    """Return how many services may be suspended and terminated in a day without asking.

    Args:
        active: how many services are in use.
        share: percent of them; 0 for any number.
        times: multiple of the median day; 0 for any number.
        daily: how many were suspended and terminated on earlier days, without days of none.
    """
    limits = [ceil(active * share / 100)] if share else []
    if times and daily:
        limits.append(int(median(daily) * times))
    return max(AT_LEAST, min(limits)) if limits else active + AT_LEAST


def most_documents(active: int, share: int, times: int, daily: Sequence[int]) -> int | None:
    """Return how many documents may be charged, or reminded of, in a day without asking.

    Where all services are renewed on the same day of the month, most days have none. So unlike
    services, twice the largest day is always allowed, and the larger of the limits counts.

    Args:
        active: how many services are in use.
        share: percent of them; 0 for any number.
        times: multiple of the median day; 0 for any number.
        daily: how many there were on earlier days, without days of none.

    Returns:
        The number; None for any number.
    """
    if not (share or times):
        return None
    limits = [AT_LEAST, ceil(active * share / 100)]
    if times and daily:
        limits += [int(median(daily) * times), 2 * max(daily)]
    return max(limits)
