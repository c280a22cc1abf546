"""The period of a report: a preset, or two days of the reader's choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

from puqpanel.sdk import noop__, statistics

from ..forms import PeriodForm

PERIODS = {"30d": noop__("30 days"), "90d": noop__("90 days"), "12m": noop__("12 months")}
DEFAULT = "30d"
# The longest periods with a bar per day and per week; longer ones have a bar per month.
MAX_DAYS_BY_DAY, MAX_DAYS_BY_WEEK = 45, 200
Grain = Literal["day", "week", "month"]


@dataclass(frozen=True)
class Period:
    """A period.

    `key` is empty for custom days; `form` holds them and their errors.
    """

    first: date
    last: date
    key: str
    form: PeriodForm

    @property
    def grain(self) -> Grain:
        """Return what one bar of a chart covers."""
        days = (self.last - self.first).days
        if days <= MAX_DAYS_BY_DAY:
            return "day"
        return "week" if days <= MAX_DAYS_BY_WEEK else "month"

    @property
    def is_invalid(self) -> bool:
        """Return whether the custom days are invalid; the default period is shown then."""
        return bool(self.form.errors)

    @property
    def query(self) -> str:
        """Return the query string of the same period."""
        if self.key:
            return urlencode({"period": self.key})
        return urlencode({"since": self.first.isoformat(), "until": self.last.isoformat()})


def parse(args: Mapping[str, Any]) -> Period:
    """Return the period of a query string; 30 days by default."""
    today = statistics.today()
    starts = {
        "30d": today - timedelta(days=29),
        "90d": today - timedelta(days=89),
        "12m": first_of_twelve_months(today),
    }
    if args.get("since") or args.get("until"):
        form = PeriodForm(formdata=args)
        if form.validate():
            return Period(form.data["since"], form.data["until"], "", form)
        return Period(starts[DEFAULT], today, DEFAULT, form)
    key = args.get("period", "")
    if key not in starts:
        key = DEFAULT
    return Period(starts[key], today, key, PeriodForm(data={"since": starts[key], "until": today}))


def first_of_twelve_months(day: date) -> date:
    """Return the first day of the twelve months that end with the month of a day."""
    if day.month == 12:
        return date(day.year, 1, 1)
    return date(day.year - 1, day.month + 1, 1)
