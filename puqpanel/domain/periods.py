"""Billing periods: their boundaries, anchors and proration.

Every boundary is computed from the anchor, never from the boundary before: 31 January is followed
by 28 or 29 February and then by 31 March. Boundaries are dates in the company's time zone, so that
daylight saving time moves nothing; only hourly periods are counted in instants. A period includes
its first day and excludes its last.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from puqpanel.domain.errors import UserError
from puqpanel.domain.texts import _

_MONTHS_A_YEAR, _DAYS_A_YEAR = 12, 365


class Period(StrEnum):
    """How often a price is charged."""

    ONE_TIME = "one_time"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    BI_WEEKLY = "bi_weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    SEMI_ANNUALLY = "semi_annually"
    ANNUALLY = "annually"
    BIENNIALLY = "biennially"
    TRIENNIALLY = "triennially"

    @classmethod
    def of(cls, key: str) -> Period:
        """Return the period with a key.

        Raises:
            UserError: there is none.
        """
        try:
            return cls(key)
        except ValueError:
            raise UserError(
                _("%(period)s is not a known billing period.", period=key[:40])
            ) from None

    @property
    def days(self) -> int:
        """How many days it has; 0 if it is not counted in days."""
        return {Period.DAILY: 1, Period.WEEKLY: 7, Period.BI_WEEKLY: 14}.get(self, 0)

    @property
    def months(self) -> int:
        """How many months it has; 0 if it is not counted in months."""
        return _MONTHS.get(self, 0)

    @property
    def per_month(self) -> Fraction:
        """How often it is charged in an average month of a 365-day year; 0 for one-time prices."""
        if self.months:
            return Fraction(1, self.months)
        if self.days:
            return Fraction(_DAYS_A_YEAR, _MONTHS_A_YEAR * self.days)
        return Fraction(_DAYS_A_YEAR * 24, _MONTHS_A_YEAR) if self == Period.HOURLY else Fraction()


_MONTHS = {
    Period.MONTHLY: 1,
    Period.QUARTERLY: 3,
    Period.SEMI_ANNUALLY: 6,
    Period.ANNUALLY: 12,
    Period.BIENNIALLY: 24,
    Period.TRIENNIALLY: 36,
}


@dataclass(frozen=True, slots=True)
class Anchor:
    """The day from which the boundaries of a service are counted.

    Args:
        year: the year of the first boundary.
        month: its month.
        day: its day of the month, 1–31; in a shorter month the last day stands for it.
    """

    year: int
    month: int
    day: int

    def __post_init__(self) -> None:
        if not 1 <= self.day <= 31:
            raise ValueError("the day of an anchor is 1 to 31")

    @classmethod
    def on(cls, start: date, day: int | None = None) -> Anchor:
        """Return the anchor with a first boundary.

        Args:
            start: the first boundary.
            day: the day of the month; that of the boundary unless given.
        """
        return cls(start.year, start.month, day or start.day)

    @property
    def start(self) -> date:
        """The first boundary."""
        return _clamped(self.year, self.month, self.day)

    @property
    def kept_day(self) -> int | None:
        """The day of the month, if the first boundary is on an earlier one; else None."""
        return self.day if self.day != self.start.day else None


@dataclass(frozen=True, slots=True)
class Span:
    """The days from `start` to before `end`; `number` counts periods from the anchor, from 0."""

    start: date
    end: date
    number: int = 0

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.start).days


@dataclass(frozen=True, slots=True)
class FixedDay:
    """An anchor policy: periods of months begin on a fixed day of the month.

    Args:
        day: the day of the month, 1–31.
        next_after: an order after this day of the month is also charged the first full period.
    """

    day: int
    next_after: int | None = None


def boundary(anchor: Anchor, period: Period, number: int) -> date:
    """Return the nth boundary; the anchor is number 0, earlier ones are negative.

    Raises:
        ValueError: the period is one-time or hourly and has no dates as boundaries.
    """
    if period.days:
        return anchor.start + timedelta(days=number * period.days)
    if not period.months:
        raise ValueError(f"{period} periods have no boundaries on dates")
    months = anchor.year * _MONTHS_A_YEAR + anchor.month - 1 + number * period.months
    return _clamped(months // _MONTHS_A_YEAR, months % _MONTHS_A_YEAR + 1, anchor.day)


def period_containing(anchor: Anchor, period: Period, day: date) -> Span:
    """Return the period that contains a day.

    Raises:
        ValueError: the period is one-time or hourly.
    """
    if period.days:
        number = (day - anchor.start).days // period.days
    elif period.months:
        months = (day.year - anchor.year) * _MONTHS_A_YEAR + day.month - anchor.month
        number = months // period.months
        if boundary(anchor, period, number) > day:
            number -= 1
    else:
        raise ValueError(f"{period} periods have no boundaries on dates")
    return Span(boundary(anchor, period, number), boundary(anchor, period, number + 1), number)


def hour_boundary(anchor: datetime, number: int) -> datetime:
    """Return the nth boundary of hourly periods, in UTC.

    Raises:
        ValueError: the anchor has no time zone.
    """
    if anchor.tzinfo is None:
        raise ValueError("hourly periods need an instant with a time zone")
    return anchor.astimezone(UTC) + timedelta(hours=number)


def hour_containing(anchor: datetime, moment: datetime) -> tuple[datetime, datetime]:
    """Return the start and the end of the hourly period that contains an instant, in UTC."""
    # in UTC, because the difference of two times in one zone ignores changes of its clocks
    number = (moment.astimezone(UTC) - anchor.astimezone(UTC)) // timedelta(hours=1)
    return hour_boundary(anchor, number), hour_boundary(anchor, number + 1)


def share(part: Span, whole: Span) -> Fraction:
    """Return the share of a period's days that a part of it covers.

    Raises:
        ValueError: the part is not inside the period.
    """
    if not whole.start <= part.start <= part.end <= whole.end or not whole.days:
        raise ValueError("the part is not inside the period")
    return Fraction(part.days, whole.days)


def anchor_for(policy: FixedDay | None, ordered: date, period: Period) -> Anchor:
    """Return the anchor of a service.

    Args:
        policy: None anchors it on the day of order, as are periods that are not counted in months.
        ordered: the day of order.
        period: the billing period.
    """
    if policy is None or not period.months:
        return Anchor.on(ordered)
    anchor = Anchor(ordered.year, ordered.month, policy.day)
    if anchor.start >= ordered:
        return anchor
    first = boundary(anchor, Period.MONTHLY, 1)
    return Anchor(first.year, first.month, policy.day)


def first_charge(
    policy: FixedDay | None, ordered: date, period: Period
) -> list[tuple[Span, Fraction]]:
    """Return what the first charge of a new service covers, and the share of the price for each.

    With a fixed day these are the days up to it, prorated, and a full period if `next_after` says
    so or the order is on the fixed day itself; otherwise one full period.

    Raises:
        ValueError: the period is one-time or hourly.
    """
    anchor = anchor_for(policy, ordered, period)
    full = Span(anchor.start, boundary(anchor, period, 1))
    if policy is None or anchor.start == ordered:
        return [(full, Fraction(1))]
    part = Span(ordered, anchor.start, -1)
    prorated = (part, share(part, period_containing(anchor, period, ordered)))
    if policy.next_after is not None and ordered.day > policy.next_after:
        return [prorated, (full, Fraction(1))]
    return [prorated]


def _clamped(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))
