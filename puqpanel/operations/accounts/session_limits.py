"""Limits of sessions, from the settings."""

from __future__ import annotations

from datetime import timedelta

from puqpanel.models.accounts.sessions import STAFF
from puqpanel.operations.system.settings import duration

MAX_LIVE = 100
"""How many sessions a person can have at once; a sign-in ends the oldest beyond it."""


def idle_limit(area: str) -> timedelta:
    """Return how long a session lasts without requests.

    It does not apply to users who asked to stay signed in.
    """
    name = "sessions.staff_idle_minutes" if area == STAFF else "sessions.client_idle_hours"
    return duration(name)


def absolute_limit(area: str, *, keep: bool = False) -> timedelta:
    """Return how long a session lasts in all.

    Args:
        area: the area of the session.
        keep: whether a customer asked to stay signed in; otherwise the limit is the idle limit.
    """
    if area == STAFF:
        return duration("sessions.staff_absolute_hours")
    return duration("sessions.client_keep_days") if keep else idle_limit(area)


def retention() -> timedelta | None:
    """Return how long ended sessions are kept; None means forever."""
    return duration("retention.session_days") or None


def impersonation_limit() -> timedelta:
    """Return how long staff can view the client area as a user."""
    return duration("sessions.impersonation_minutes")
