"""The headers with which providers ask to wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime

import pytest

from puqpanel.infra.clock import now
from puqpanel.infra.rate_limits import wait_until

DAY = 86400


def seconds(status: int, headers: dict[str, str]) -> int | None:
    until = wait_until(status, headers)
    return None if until is None else round((until - now()).total_seconds())


def date(after: int) -> str:
    return format_datetime(now() + timedelta(seconds=after), usegmt=True)


def epoch(after: int, factor: int = 1) -> str:
    return str(int(now().timestamp() + after) * factor)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("276", 276),
        (" 30 ", 30),
        ("1.5", 1),
        ("0", 0),
        ("86401", DAY),
        ("9" * 18, DAY),
        ("9" * 5000, DAY),
        ("Fri, 31 Dec 9999 23:59:59 GMT", DAY),
        ("²", None),
        ("٣", None),
        ("-5", None),
        ("", None),
        ("soon", None),
        ("1e3", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("Wed, 99 Oct 2099 07:28:00 GMT", None),
        ("nan", None),
    ],
)
def test_retry_after(status: int, value: str, expected: int | None) -> None:
    assert seconds(status, {"Retry-After": value}) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Retry-After", lambda: date(276), 276),
        ("RateLimit-Reset", lambda: "50", 50),
        ("ratelimit-reset", lambda: epoch(276), 276),
        ("X-RateLimit-Reset", lambda: epoch(276), 276),
        ("X-RateLimit-Reset", lambda: epoch(276, 1000), 276),
        ("X-Rate-Limit-Reset", lambda: epoch(10 * DAY), DAY),
        ("X-RateLimit-Reset", lambda: epoch(-5), None),
        ("X-RateLimit-Reset", lambda: "²", None),
    ],
)
def test_times(name: str, value: Callable[[], str], expected: int | None) -> None:
    found = seconds(429, {name: value()})
    assert found is expected if expected is None else abs((found or 0) - expected) <= 2


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (500, {"Retry-After": "60"}, None),
        (200, {"Retry-After": "60"}, None),
        (503, {"RateLimit-Reset": "60"}, None),
        (429, {"Retry-After": "60", "RateLimit-Reset": "3600"}, 60),
        (429, {"Retry-After": "²", "RateLimit-Reset": "60"}, 60),
        (429, {"RateLimit-Reset": "60", "RateLimit-Remaining": "0"}, 60),
        (429, {"RateLimit-Reset": "3600", "RateLimit-Remaining": "4999"}, None),
        (429, {}, None),
    ],
)
def test_which_responses_ask_to_wait(
    status: int, headers: dict[str, str], expected: int | None
) -> None:
    assert seconds(status, headers) == expected
