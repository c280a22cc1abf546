"""Limits of sessions."""

from __future__ import annotations

from datetime import timedelta

from puqpanel.models.accounts.sessions import STAFF

STAFF_IDLE = timedelta(minutes=30)
STAFF_ABSOLUTE = timedelta(hours=12)
CUSTOMER_IDLE = timedelta(hours=24)
CUSTOMER_ABSOLUTE = timedelta(days=14)
IMPERSONATION = timedelta(minutes=30)
MAX_LIVE = 100
"""How many sessions a person can have at once; a sign-in ends the oldest beyond it."""
RETENTION = timedelta(days=30)
"""How long ended sessions are kept."""


def idle_limit(area: str, *, keep: bool) -> timedelta | None:
    """Return how long a session lasts without requests; None for no limit.

    Args:
        area: of the session.
        keep: whether the user asked to stay signed in, which only the absolute limit ends.
    """
    if area == STAFF:
        return STAFF_IDLE
    return None if keep else CUSTOMER_IDLE


def absolute_limit(area: str) -> timedelta:
    """Return how long a session lasts in all."""
    return STAFF_ABSOLUTE if area == STAFF else CUSTOMER_ABSOLUTE
