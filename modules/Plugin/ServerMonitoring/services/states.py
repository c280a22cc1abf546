"""The state of a check after each result; free of side effects, so that every case is testable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

UNKNOWN, UP, DOWN, UNABLE = "unknown", "up", "down", "unable"
WENT_DOWN, CAME_BACK = "went down", "came back"


@dataclass(frozen=True, slots=True)
class CheckState:
    """The state of a check, its consecutive failures, and the time of the first of them."""

    state: str
    failures: int = 0
    failing_since: datetime | None = None


def next_state(
    before: CheckState, ok: bool | None, at: datetime, max_failures: int
) -> tuple[CheckState, str]:
    """Return the state after one more result, and the change to report.

    Args:
        before: The state before the result.
        ok: Up or down; None if the target could not be checked, which neither ends nor starts an
            outage.
        at: The time of the result.
        max_failures: Consecutive failures that make the check down.

    Returns:
        The new state; and `WENT_DOWN`, `CAME_BACK` or an empty string.
    """
    if ok is None:
        return (before if before.state == DOWN else replace(before, state=UNABLE)), ""
    if ok:
        return CheckState(UP), CAME_BACK if before.state == DOWN else ""
    failures, since = before.failures + 1, before.failing_since or at
    if before.state == DOWN:
        return CheckState(DOWN, failures, since), ""
    if failures >= max_failures:
        return CheckState(DOWN, failures, since), WENT_DOWN
    return CheckState(before.state, failures, since), ""
