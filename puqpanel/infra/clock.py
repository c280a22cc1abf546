"""The one clock. Stored times are UTC and aware; the viewer's zone is the page's business."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, aware, in UTC, to the microsecond."""
    return datetime.now(UTC)
