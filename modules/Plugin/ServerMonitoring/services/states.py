"""What a result does to how a check stands: pure, so that every case can be tried."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

UNKNOWN, UP, DOWN, UNABLE = "unknown", "up", "down", "unable"
WENT_DOWN, CAME_BACK = "went down", "came back"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a check stands: its state, failures in a row, and when the first of those was seen."""

    state: str
    failures: int = 0
    failing_since: datetime | None = None


def after(before: Standing, ok: bool | None, at: datetime, enough: int) -> tuple[Standing, str]:
    """How it stands after one more result, and the change worth telling: WENT_DOWN, CAME_BACK or
    nothing.

    Args: ok is empty where it could not be found out, which ends no outage and begins none; enough,
    failures in a row that make it down.
    """
    if ok is None:
        return (before if before.state == DOWN else replace(before, state=UNABLE)), ""
    if ok:
        return Standing(UP), CAME_BACK if before.state == DOWN else ""
    failures, since = before.failures + 1, before.failing_since or at
    if before.state == DOWN:
        return Standing(DOWN, failures, since), ""
    if failures >= enough:
        return Standing(DOWN, failures, since), WENT_DOWN
    return Standing(before.state, failures, since), ""
