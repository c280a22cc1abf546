"""Periods of a query string, and the grain of the bars."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from werkzeug.datastructures import MultiDict

from modules.Plugin.Reports.services import periods
from puqpanel.sdk import statistics


@pytest.mark.parametrize(
    ("key", "grain", "min_days", "max_days"),
    [
        ("30d", "day", 30, 30),
        ("90d", "week", 90, 90),
        ("12m", "month", 335, 366),
        ("", "day", 30, 30),
        ("x", "day", 30, 30),
    ],
)
def test_preset_periods(key: str, grain: str, min_days: int, max_days: int) -> None:
    period = periods.parse({"period": key})
    assert (period.last, period.grain, period.is_invalid) == (statistics.today(), grain, False)
    assert min_days <= (period.last - period.first).days + 1 <= max_days


def test_custom_period() -> None:
    period = periods.parse(
        MultiDict({"since": "2026-01-01", "until": "2026-03-01", "period": "12m"})
    )
    assert (period.first, period.last, period.key, period.grain) == (
        date(2026, 1, 1),
        date(2026, 3, 1),
        "",
        "week",
    )
    assert period.query == "since=2026-01-01&until=2026-03-01"


def test_same_period_last_year() -> None:
    assert periods.first_of_twelve_months(date(2026, 12, 31)) == date(2026, 1, 1)
    assert periods.first_of_twelve_months(date(2026, 1, 31)) == date(2025, 2, 1)


def test_invalid_period_falls_back_to_the_default() -> None:
    tomorrow = statistics.today() + timedelta(days=1)
    period = periods.parse(MultiDict({"since": "2026-01-01", "until": tomorrow.isoformat()}))
    assert (period.is_invalid, period.key, list(period.form.errors)) == (True, "30d", ["until"])
