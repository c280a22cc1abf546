"""Prepaid services: the periods for which they are charged, and what each costs.

An hour is counted in instants, from when the service became active. Longer periods begin at
midnight in the zone of the company, so that the first and last of several days count in full and a
change of the clocks moves nothing. A period that was interrupted costs its started hours or days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from puqpanel.domain.money import Money
from puqpanel.domain.periods import Anchor, Period, period_containing

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CREDIT, CAP = "credit:", "cap:"
"""What the steps about prepaid services begin with: no credit is left, or the cap is reached."""


@dataclass(frozen=True, slots=True)
class Use:
    """A time for which a service is charged.

    Args:
        starts_at: when it began.
        ends_at: when it ended.
        share: the share of the price of a period.
    """

    starts_at: datetime
    ends_at: datetime
    share: Fraction = Fraction(1)

    def costs(self, price: Money) -> Money:
        """Return what it costs at the price of a period, rounded half up to a minor unit."""
        return price if self.share == 1 else price.scaled(self.share)


@dataclass(frozen=True, slots=True)
class Meter:
    """What determines the periods of a service.

    Args:
        period: how often its price is charged.
        zone: IANA time zone of the company.
        anchor: the first day of its periods; only hours do not need it.
    """

    period: Period
    zone: str
    anchor: date

    def day(self, moment: datetime) -> date:
        """Return the day of a moment."""
        return moment.astimezone(ZoneInfo(self.zone)).date()

    def whole(self, start: datetime) -> Use:
        """Return the use from a moment to the end of its period."""
        if self.period == Period.HOURLY:
            return Use(start, start + HOUR)
        first = self.day(start)
        span = period_containing(Anchor.on(self.anchor), self.period, first)
        share = Fraction((span.end - first).days, span.days)
        return Use(start, self._midnight(span.end), share)

    def started(self, start: datetime, moment: datetime) -> Use:
        """Return the use from a moment until another in its period: the hours or days begun."""
        use = self.whole(start)
        if self.period == Period.HOURLY or moment >= use.ends_at:
            return use
        first = self.day(start)
        return self._days(start, (self.day(moment) - first).days + 1)

    def ended(self, start: datetime, moment: datetime) -> Use | None:
        """Return the same without the hour or day in which the second moment is; None if empty."""
        days = 0 if self.period == Period.HOURLY else (self.day(moment) - self.day(start)).days
        return self._days(start, days) if days > 0 else None

    def unit(self, price: Money, moment: datetime) -> Money:
        """Return what an hour or a day costs from a moment on."""
        use = Meter(self.period, self.zone, self.day(moment)).started(moment, moment)
        return use.costs(price)

    def _days(self, start: datetime, days: int) -> Use:
        first = self.day(start)
        span = period_containing(Anchor.on(self.anchor), self.period, first)
        return Use(start, self._midnight(first + DAY * days), Fraction(days, span.days))

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


def per_day(period: Period) -> Fraction:
    """Return how often a price is charged in an average day; 0 for one-time prices."""
    if period == Period.HOURLY:
        return Fraction(24)
    return period.per_month * 12 / 365
