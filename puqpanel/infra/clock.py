"""The clock. Stored times are aware and in UTC; pages convert them to the viewer's time zone."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time, aware and in UTC."""
    return datetime.now(UTC)
