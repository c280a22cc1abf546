"""How long a provider asks its clients to wait: Retry-After and the headers of rate limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from puqpanel.infra.clock import now

LONGEST = timedelta(days=1)
"""The longest wait; a provider that asks for more is asked again after it."""
_RESETS = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")
_REMAINING = ("ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining")
_NUMBER = re.compile(r"([0-9]+)(?:\.[0-9]*)?")
_EPOCH, _EPOCH_MILLISECONDS = 10**9, 10**12
"""The smallest numbers that are read as a point in time; smaller ones are seconds from now."""


def wait_until(status: int, headers: Mapping[str, str]) -> datetime | None:
    """Return until when a response asks to wait; None if it does not, or not readably.

    Only the statuses 429 and 503 ask. The reset of a rate limit counts only with 429, and only if
    nothing is left of the limit: a provider may have several limits, and send the headers of
    one with every response.

    Args:
        status: the HTTP status.
        headers: the headers of the response, in any case.
    """
    if status not in (429, 503):
        return None
    values = {name.lower(): value.strip() for name, value in headers.items()}
    wait = _seconds(values.get("retry-after", ""))
    if wait is None and status == 429 and not _is_left(values):
        resets = (_seconds(values.get(name, ""), epoch=True) for name in _RESETS)
        wait = next((seconds for seconds in resets if seconds is not None), None)
    return None if wait is None else now() + min(timedelta(seconds=wait), LONGEST)


def _seconds(value: str, *, epoch: bool = False) -> int | None:
    """Return the seconds from now that a header gives as a number or an HTTP date."""
    number = _NUMBER.fullmatch(value)
    if number is None:
        return _until_date(value)
    # the length first: Python refuses to read thousands of digits
    seconds = int(number[1]) if len(number[1]) < 20 else 10**20
    if epoch and seconds >= _EPOCH:
        if seconds >= _EPOCH_MILLISECONDS:
            seconds //= 1000
        seconds -= int(now().timestamp())
    return min(seconds, int(LONGEST.total_seconds())) if seconds >= 0 else None


def _until_date(value: str) -> int | None:
    try:
        at = parsedate_to_datetime(value)
        seconds = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now().timestamp())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(seconds, int(LONGEST.total_seconds())) if seconds >= 0 else None


def _is_left(values: Mapping[str, str]) -> bool:
    left = next((values[name] for name in _REMAINING if name in values), "")
    number = _NUMBER.fullmatch(left)
    return number is not None and bool(number[1].strip("0"))
