"""Which days a report is about: one of the usual choices, or two days of the reader's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

from puqpanel.sdk import statistics

from ..forms import PeriodForm

PERIODS = {"30d": "30 days", "90d": "90 days", "12m": "12 months"}
By = Literal["day", "week", "month"]


@dataclass(frozen=True)
class Period:
    """A choice.

    `key` is empty for days of the reader's own; `form` holds them, with what is wrong beside them.
    """

    first: date
    last: date
    key: str
    form: PeriodForm

    @property
    def by(self) -> By:
        """What one bar stands for: few enough to be told apart."""
        days = (self.last - self.first).days
        return "day" if days <= 45 else "week" if days <= 200 else "month"

    @property
    def refused(self) -> bool:
        """Whether the reader's own days were no period; the usual one is shown instead."""
        return bool(self.form.errors)

    @property
    def query(self) -> str:
        """The end of an address that asks for the same days."""
        if self.key:
            return urlencode({"period": self.key})
        return urlencode({"since": self.first.isoformat(), "until": self.last.isoformat()})


def read(args: Mapping[str, Any]) -> Period:
    """The period that an address asks for; 30 days where it asks for none."""
    today = statistics.today()
    if args.get("since") or args.get("until"):
        form = PeriodForm(formdata=args)
        if form.validate():
            own = form.data
            return Period(own["since"], own["until"], "", form)
        return Period(today - timedelta(days=29), today, "30d", form)
    key = args.get("period", "") if args.get("period") in PERIODS else "30d"
    first = {
        "30d": today - timedelta(days=29),
        "90d": today - timedelta(days=89),
        "12m": _a_year_before(today),
    }[key]
    return Period(first, today, key, PeriodForm(data={"since": first, "until": today}))


def _a_year_before(day: date) -> date:
    """The first day of the eleventh month before: twelve months with the running one."""
    return date(day.year - 1, day.month + 1, 1) if day.month < 12 else date(day.year, 1, 1)
