"""Changes of a service are settled to the cent, however many there are in a period."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from puqpanel.domain.changes import Current, Effect, following, settle
from puqpanel.domain.charges import Coverage
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Anchor, FixedDay, Period, Span
from puqpanel.domain.pricing import Coupon, Item, Part, Price
from puqpanel.domain.tax import PriceEntry, Tax, TaxCategory, TaxGroup

VAT = TaxGroup(TaxCategory.STANDARD, (Tax("VAT", Decimal(20)),))
START, END = date(2026, 6, 1), date(2026, 7, 1)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def plan(minor: int, period: Period = Period.MONTHLY, policy: FixedDay | None = None) -> Item:
    price = Price(eur(5000), eur(minor), period, "row")  # the setup fee is never charged
    return Item("a", "vps", (Part("", "VPS", price),), VAT, policy=policy)


def running(*charges: Coverage, until: date | None = END, period=Period.MONTHLY) -> Current:
    return Current("Old", VAT, period, Anchor.on(START), until, charges)


def change(current: Current, new: Item, day: date):
    return settle(current, new, day=day, currency="EUR", entry=PriceEntry.NET)


def test_three_upgrades_in_one_period_cost_what_the_days_cost():
    """30 days at 30, 60, 90 and 120: 10 + 10 + 5 + 5 days."""
    charges = [Coverage(eur(3000), Span(START, END))]
    due = []
    for new, day in ((6000, 11), (9000, 21), (12000, 26)):
        result = change(running(*charges), plan(new), date(2026, 6, day))
        assert result.effect == Effect.WHEN_PAID
        due.append(result.quote.net.minor)
        charges += [Coverage(line.amount, line.span) for line in result.quote.lines if line.span]
    assert due == [2000, 1000, 500]
    assert 3000 + sum(due) == 10 * 100 + 10 * 200 + 5 * 300 + 5 * 400
    assert result.quote.total == eur(600)  # with 20 % tax


def test_two_upgrades_on_one_day():
    charges = [Coverage(eur(3000), Span(START, END))]
    for new, expected in ((6000, 3000), (9000, 3000)):
        result = change(running(*charges), plan(new), START)
        assert result.quote.net == eur(expected)
        charges += [Coverage(line.amount, line.span) for line in result.quote.lines if line.span]


@settings(max_examples=200, deadline=None)
@given(
    first=st.integers(1, 100_000),
    steps=st.lists(st.tuples(st.integers(1, 30), st.integers(1, 200_000)), min_size=1, max_size=6),
)
def test_what_is_paid_is_the_sum_of_the_days(first, steps):
    """Day by day, independently of the code: each day costs what was ordered for it."""
    charges = [Coverage(eur(first), Span(START, END))]
    daily = {START + timedelta(days=at): Fraction(first, 30) for at in range(30)}
    changes = 0
    for day, new in sorted(steps):
        today = date(2026, 6, day)
        result = change(running(*charges), plan(new), today)
        if result.effect == Effect.LATER:
            assert result.starts_on == END
            continue
        changes += 1
        charges += [Coverage(line.amount, line.span) for line in result.quote.lines if line.span]
        for each in daily:
            if each >= today:
                daily[each] = Fraction(new, 30)
    paid = sum(charge.amount.minor for charge in charges)
    assert abs(paid - sum(daily.values())) <= 2 * changes


def test_a_downgrade_waits_for_the_end_of_the_charged_days():
    result = change(running(Coverage(eur(3000), Span(START, END))), plan(900), date(2026, 6, 11))
    assert (result.effect, result.starts_on, result.paid_until) == (Effect.LATER, END, None)
    assert result.quote.regular == ((Period.MONTHLY, eur(1080)),)


def test_the_same_price_takes_effect_at_once():
    result = change(running(Coverage(eur(3000), Span(START, END))), plan(3000), date(2026, 6, 11))
    assert (result.effect, result.quote.total) == (Effect.AT_ONCE, eur(0))


def test_another_period_begins_today_less_what_is_unused():
    covered = Coverage(eur(3000), Span(START, END))
    result = change(running(covered), plan(30000, Period.ANNUALLY), date(2026, 6, 16))
    assert [(line.part, line.amount.minor) for line in result.quote.lines] == [
        ("unused", -1500),
        ("", 30000),
    ]
    assert (result.anchor, result.paid_until) == (Anchor(2026, 6, 16), date(2027, 6, 16))
    assert result.quote.total == eur(34200)


def test_a_shorter_period_that_is_cheaper_begins_when_the_longer_one_ends():
    year = Span(START, date(2027, 6, 1))
    current = running(Coverage(eur(30000), year), until=year.end, period=Period.ANNUALLY)
    result = change(current, plan(3000), date(2026, 6, 16))
    assert (result.effect, result.starts_on) == (Effect.LATER, year.end)
    assert result.anchor == Anchor.on(year.end)


def test_days_of_the_next_period_that_were_charged_are_settled_too():
    """15 days of June at 1.00, and July, charged ahead, at 31 days of 1.00."""
    charges = (
        Coverage(eur(3000), Span(START, END)),
        Coverage(eur(3100), Span(END, date(2026, 8, 1))),
    )
    current = running(*charges, until=date(2026, 8, 1))
    result = change(current, plan(6000), date(2026, 6, 16))
    assert [
        (line.part, line.amount.minor, line.span.start.month) for line in result.quote.lines
    ] == [
        ("unused", -1500, 6),
        ("unused", -3100, 7),
        ("", 3000, 6),
        ("", 6000, 7),
    ]


@pytest.mark.parametrize("until", [None, START, date(2026, 6, 10)])
def test_without_charged_days_a_new_period_begins(until):
    result = change(running(until=until), plan(3000), date(2026, 6, 10))
    assert (result.effect, result.quote.net, result.paid_until) == (
        Effect.WHEN_PAID,
        eur(3000),
        date(2026, 7, 10),
    )


def test_a_fixed_day_prorates_the_first_days():
    result = change(running(until=None), plan(3000, policy=FixedDay(1)), date(2026, 6, 16))
    assert (result.quote.net, result.paid_until) == (eur(1500), END)


HALF = Coupon("HALF", percent=Decimal(50), cycles=None)
TEN_OFF = Coupon("TEN", amount=eur(1000), cycles=None)


@pytest.mark.parametrize(
    ("coupon", "paid", "day", "due", "regular"),
    [
        (HALF, 1500, 1, 1500, 3600),  # 60 × 50 % − 15, then 30 with 20 % tax
        (HALF, 1500, 16, 750, 3600),
        (TEN_OFF, 2000, 1, 3000, 6000),  # 60 − 10 − 20
        (TEN_OFF, 2000, 16, 1500, 6000),
        (Coupon("ALL", amount=eur(9000), cycles=None), 0, 16, 0, 0),
    ],
)
def test_a_coupon_for_later_periods_also_reduces_a_change(coupon, paid, day, due, regular):
    charges = [Coverage(eur(paid), Span(START, END))]
    result = settle(
        running(*charges),
        plan(6000),
        day=date(2026, 6, day),
        currency="EUR",
        entry=PriceEntry.NET,
        coupon=coupon,
    )
    assert result.quote.net == eur(due)
    assert result.quote.regular == ((Period.MONTHLY, eur(regular)),)


def test_a_coupon_reduces_a_new_period():
    charges = [Coverage(eur(1500), Span(START, END))]
    result = settle(
        running(*charges),
        plan(20000, Period.ANNUALLY),
        day=START,
        currency="EUR",
        entry=PriceEntry.NET,
        coupon=HALF,
    )
    assert result.quote.net == eur(10000 - 1500)


@pytest.mark.parametrize(
    ("anchor", "period", "until", "day"),
    [
        (Anchor(2026, 1, 31), Period.MONTHLY, date(2026, 2, 28), 31),
        (Anchor(2026, 1, 30), Period.MONTHLY, date(2026, 3, 30), 30),
        (Anchor(2026, 1, 31), Period.MONTHLY, date(2026, 2, 20), 20),  # no end of a period
        (Anchor(2026, 1, 31), Period.WEEKLY, date(2026, 2, 28), 28),
        (None, Period.MONTHLY, date(2026, 2, 28), 28),
    ],
)
def test_other_months_keep_the_day_of_the_month(anchor, period, until, day):
    found = following((anchor, period), until, None, Period.ANNUALLY)
    assert (found.start, found.day) == (until, day)


def test_a_scheduled_change_keeps_the_last_day_of_the_month():
    start, end = date(2026, 1, 31), date(2026, 2, 28)
    current = Current(
        "Old", VAT, Period.MONTHLY, Anchor.on(start), end, [Coverage(eur(3000), Span(start, end))]
    )
    result = change(current, plan(100, Period.QUARTERLY), date(2026, 2, 1))
    assert result.effect == Effect.LATER
    assert result.anchor == Anchor(2026, 2, 31)


def test_a_later_change_begins_on_the_fixed_day_of_the_product():
    year = Span(START, date(2027, 6, 1))
    current = running(Coverage(eur(30000), year), until=year.end, period=Period.ANNUALLY)
    result = change(current, plan(100, policy=FixedDay(15)), date(2026, 6, 11))
    assert result.effect == Effect.LATER
    assert result.anchor == Anchor(2027, 6, 15)


@pytest.mark.parametrize(
    ("coupon", "taken"),
    [(Coupon("C", percent=Decimal(20)), 600), (Coupon("C", amount=eur(600)), 600)],
)
@pytest.mark.parametrize(("new", "day"), [(3000, 11), (2000, 11), (6000, 21), (3000, 1)])
def test_days_that_a_coupon_reduced_are_charged_again_with_it(coupon, taken, new, day):
    """A coupon of one period is not lost by a change in that period."""
    charged = [Coverage(eur(3000), Span(START, END)), Coverage(eur(-taken), Span(START, END))]
    current = replace(running(*charged), coupons=[(Span(START, END), coupon)])
    result = change(current, plan(new), date(2026, 6, day))
    left = Fraction(31 - day, 30)
    off = Fraction(new, 5) if coupon.percent else Fraction(min(taken, new))
    expected = round(new * left) - round(off * left) - round((3000 - taken) * left)
    assert result.quote.net == eur(expected)
    assert result.quote.regular == ((Period.MONTHLY, eur(round(new * 1.2))),)
