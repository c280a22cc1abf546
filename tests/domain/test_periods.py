"""Billing periods: boundaries from the anchor, anchor policies and proration."""

from __future__ import annotations

import itertools
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puqpanel.domain.errors import UserError
from puqpanel.domain.periods import (
    Anchor,
    FixedDay,
    Period,
    Span,
    anchor_for,
    boundary,
    first_charge,
    hour_boundary,
    hour_containing,
    period_containing,
    share,
)

DATED = [period for period in Period if period.days or period.months]
MONTHLY = [period for period in Period if period.months]
DATES = st.dates(date(1990, 1, 1), date(2100, 12, 31))
ANCHORS = st.builds(Anchor, st.integers(1990, 2100), st.integers(1, 12), st.integers(1, 31))


@given(ANCHORS, st.sampled_from(DATED), st.integers(-50, 300))
def test_boundaries_increase_and_keep_the_day_of_the_anchor(anchor, period, number):
    this, after = boundary(anchor, period, number), boundary(anchor, period, number + 1)
    assert this < after
    if period.months:
        assert this.day == min(anchor.day, monthrange(this.year, this.month)[1])
        months = (after.year - this.year) * 12 + after.month - this.month
        assert months == period.months
    else:
        assert (after - this).days == period.days
    assert boundary(anchor, period, 0) == anchor.start


@given(ANCHORS, st.sampled_from(DATED), DATES)
def test_a_day_is_in_exactly_one_period(anchor, period, day):
    span = period_containing(anchor, period, day)
    assert span.start <= day < span.end
    assert span.start == boundary(anchor, period, span.number)
    assert span.end == boundary(anchor, period, span.number + 1)


@given(ANCHORS, st.sampled_from(DATED), st.integers(-50, 300))
def test_the_first_and_the_last_day_belong_to_the_period(anchor, period, number):
    start, end = boundary(anchor, period, number), boundary(anchor, period, number + 1)
    assert period_containing(anchor, period, start).number == number
    assert period_containing(anchor, period, end - timedelta(days=1)).number == number


def test_fourteen_months_from_31_january():
    anchor = Anchor.on(date(2027, 1, 31))
    days = [boundary(anchor, Period.MONTHLY, number) for number in range(15)]
    assert [day.day for day in days] == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 29, 31]
    assert days[-1] == date(2028, 3, 31)


def test_29_february():
    anchor = Anchor.on(date(2028, 2, 29))
    assert [boundary(anchor, Period.ANNUALLY, number) for number in (1, 4)] == [
        date(2029, 2, 28),
        date(2032, 2, 29),
    ]
    assert boundary(anchor, Period.BIENNIALLY, 1) == date(2030, 2, 28)
    assert boundary(anchor, Period.TRIENNIALLY, 4) == date(2040, 2, 29)


def test_every_period_has_a_length():
    lengths = {period.value: (period.days, period.months) for period in Period}
    assert lengths == {
        "one_time": (0, 0),
        "hourly": (0, 0),
        "daily": (1, 0),
        "weekly": (7, 0),
        "bi_weekly": (14, 0),
        "monthly": (0, 1),
        "quarterly": (0, 3),
        "semi_annually": (0, 6),
        "annually": (0, 12),
        "biennially": (0, 24),
        "triennially": (0, 36),
    }
    assert Period.HOURLY.per_month == 730 and Period.ANNUALLY.per_month == Fraction(1, 12)
    assert Period.WEEKLY.per_month == Fraction(365, 84) and Period.ONE_TIME.per_month == 0


@pytest.mark.parametrize("key", ["", "Monthly", "yearly", "month", "x" * 1000])
def test_an_unknown_period_is_an_error(key):
    with pytest.raises(UserError, match="not a known billing period"):
        Period.of(key)


@pytest.mark.parametrize("period", [Period.ONE_TIME, Period.HOURLY])
def test_periods_without_dates(period):
    anchor = Anchor.on(date(2026, 1, 1))
    for attempt in (
        lambda: boundary(anchor, period, 1),
        lambda: period_containing(anchor, period, date(2026, 1, 1)),
    ):
        with pytest.raises(ValueError, match="no boundaries"):
            attempt()


def test_daylight_saving_time_moves_nothing():
    anchor = Anchor.on(date(2026, 3, 28))  # clocks change on 29 March and 25 October
    assert boundary(anchor, Period.DAILY, 2) == date(2026, 3, 30)
    assert boundary(anchor, Period.DAILY, 212) == date(2026, 10, 26)
    warsaw = datetime(2026, 3, 29, 1, 30, tzinfo=ZoneInfo("Europe/Warsaw"))
    hours = [hour_boundary(warsaw, number) for number in range(4)]
    assert {after - this for this, after in itertools.pairwise(hours)} == {timedelta(hours=1)}
    assert hours[0] == datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    before = datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Warsaw"))
    noon = datetime(2026, 3, 29, 10, tzinfo=UTC)
    for moment in (noon, noon.astimezone(before.tzinfo)):
        assert hour_containing(before, moment) == (noon, noon + timedelta(hours=1))


@given(st.integers(-(10**6), 10**6), st.integers(0, 3599))
def test_hours(number, second):
    anchor = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    start = hour_boundary(anchor, number)
    assert hour_containing(anchor, start + timedelta(seconds=second)) == (
        start,
        start + timedelta(hours=1),
    )
    with pytest.raises(ValueError, match="time zone"):
        hour_boundary(datetime(2026, 1, 1), 1)


@given(DATES, st.sampled_from(MONTHLY), st.integers(1, 31), st.none() | st.integers(1, 31))
def test_the_first_charge_covers_the_days_up_to_a_boundary(ordered, period, day, next_after):
    policy = FixedDay(day, next_after)
    anchor = anchor_for(policy, ordered, period)
    assert anchor.day == day and 0 <= (anchor.start - ordered).days <= 31
    charged = first_charge(policy, ordered, period)
    assert charged[0][0].start == ordered
    assert all(a[0].end == b[0].start for a, b in itertools.pairwise(charged))
    assert all(0 < portion <= 1 for _, portion in charged)
    end = charged[-1][0].end
    assert end == boundary(anchor, period, period_containing(anchor, period, end).number)


@pytest.mark.parametrize(
    "day, ordered, expected",
    [
        (1, date(2026, 1, 15), [(date(2026, 2, 1), Fraction(17, 31))]),
        (1, date(2026, 1, 1), [(date(2026, 2, 1), Fraction(1))]),
        (31, date(2026, 2, 10), [(date(2026, 2, 28), Fraction(18, 28))]),
        (29, date(2028, 2, 29), [(date(2028, 3, 29), Fraction(1))]),
        (30, date(2026, 2, 28), [(date(2026, 3, 30), Fraction(1))]),
        (
            1,
            date(2026, 1, 25),
            [(date(2026, 2, 1), Fraction(7, 31)), (date(2026, 3, 1), Fraction(1))],
        ),
        (1, date(2026, 1, 20), [(date(2026, 2, 1), Fraction(12, 31))]),
    ],
)
def test_fixed_days(day, ordered, expected):
    charged = first_charge(FixedDay(day, next_after=20), ordered, Period.MONTHLY)
    assert [(span.end, portion) for span, portion in charged] == expected


def test_other_policies_start_on_the_day_of_order():
    ordered = date(2026, 1, 31)
    month = (Span(ordered, date(2026, 2, 28)), Fraction(1))
    assert first_charge(None, ordered, Period.MONTHLY) == [month]
    week = (Span(ordered, date(2026, 2, 7)), Fraction(1))
    assert first_charge(FixedDay(1), ordered, Period.WEEKLY) == [week]


def test_share_counts_actual_days():
    february = Span(date(2026, 2, 1), date(2026, 3, 1))
    assert share(Span(date(2026, 2, 15), date(2026, 3, 1)), february) == Fraction(1, 2)
    assert share(february, february) == 1
    with pytest.raises(ValueError, match="not inside"):
        share(Span(date(2026, 1, 31), date(2026, 2, 2)), february)


@pytest.mark.parametrize("day", [0, 32, -1])
def test_impossible_anchors(day):
    with pytest.raises(ValueError, match="1 to 31"):
        Anchor(2026, 1, day)
