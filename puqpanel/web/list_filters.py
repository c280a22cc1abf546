"""Filters of lists: choices, texts, and ranges of dates in the viewer's time zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from babel.dates import format_date

from puqpanel.domain.texts import Text, _
from puqpanel.infra import clock
from puqpanel.web.list_page import Choices, Row
from puqpanel.web.locale import viewer_locale, viewer_zone

PRESETS = {
    "today": _("Today"),
    "last-7-days": _("Last 7 days"),
    "last-30-days": _("Last 30 days"),
    "this-month": _("This month"),
    "last-month": _("Last month"),
    "this-year": _("This year"),
}
SEPARATOR = ".."
UUID_START = re.compile(r"[0-9a-f]{4,8}|[0-9a-f]{8}-[0-9a-f-]{0,27}")


def uuid_starts(column: Any, text: str) -> sa.ColumnElement[bool]:
    """Match a UUID by its first characters, of which eight are shown on pages."""
    lowered = text.lower()
    if not UUID_START.fullmatch(lowered):
        return sa.false()
    # the range lets SQLite use the index
    return sa.and_(column >= lowered, column < lowered + "g", column.startswith(lowered))


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter, shown as a chip.

    Args:
        label: the chip's label.
        where: maps a value to a condition, or to None to ignore an invalid value; a row matches if
            it meets the condition of any value.
        choices: returns (value, label) pairs; called only to open the chip, or to label the
            current values if there is no `shown`.
        shown: returns the label of a single current value from the first row and the value, which
            saves the query for the choices.
        kind: `select` for choices, of which several can be chosen; `date` for a range of days; else
            the type of an input.
    """

    label: Text | str
    where: Callable[[str], Any | None]
    choices: Callable[[], Choices] = lambda: ()
    shown: Callable[[Any, str], Text | str] | None = None
    kind: str = "select"

    def labels(self, values: tuple[str, ...], first: Row | None) -> list[str]:
        """Return the labels of the current values.

        Args:
            values: the values.
            first: the first row of the page; None if it is empty.
        """
        if self.shown and first is not None and len(values) == 1:
            return [str(self.shown(first, values[0]))]
        names = dict(self.choices())
        return [str(names.get(value, value)) for value in values]


def date_filter(label: Text | str, column: Any) -> Filter:
    """Return a filter for a range of days in the viewer's time zone, both days included.

    Its value is the name of a preset or `2026-01-01..2026-01-31`, of which one day may be missing.

    Args:
        label: the chip's label.
        column: a column with a time; rows without one match no range.
    """

    def where(value: str) -> Any | None:
        days = day_range(value)
        if days is None:
            return None
        first, last = days
        conditions = []
        if first:
            conditions.append(column >= _midnight(first))
        if last:
            conditions.append(column < _midnight(last + timedelta(days=1)))
        return sa.and_(*conditions)

    return Filter(label, where, lambda: tuple(PRESETS.items()), _range_label, "date")


def day_filter(label: Text | str, column: Any) -> Filter:
    """Return a filter for a range of days like `date_filter`, for a column with dates."""

    def where(value: str) -> Any | None:
        days = day_range(value)
        if days is None:
            return None
        first, last = days
        conditions = [column >= first] if first else []
        return sa.and_(*conditions, *([column <= last] if last else []))

    return Filter(label, where, lambda: tuple(PRESETS.items()), _range_label, "date")


def day_range(value: str) -> tuple[date | None, date | None] | None:
    """Return the first and the last day of a range; None if it is invalid or reversed."""
    if value in PRESETS:
        return _preset(value, clock.now().astimezone(viewer_zone()).date())
    start, separator, end = value.partition(SEPARATOR)
    if not separator or not (start or end):
        return None
    try:
        first = date.fromisoformat(start) if start else None
        last = date.fromisoformat(end) if end else None
    except ValueError:
        return None
    if first and last and first > last:
        return None
    years = [day.year for day in (first, last) if day]
    # times outside these years cannot be converted to UTC
    return (first, last) if all(1900 <= year < 9999 for year in years) else None


def _preset(name: str, today: date) -> tuple[date, date]:
    month = today.replace(day=1)
    before = month - timedelta(days=1)
    return {
        "today": (today, today),
        "last-7-days": (today - timedelta(days=6), today),
        "last-30-days": (today - timedelta(days=29), today),
        "this-month": (month, today),
        "last-month": (before.replace(day=1), before),
        "this-year": (today.replace(month=1, day=1), today),
    }[name]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), viewer_zone())


def _range_label(_row: Any, value: str) -> Text | str:
    if value in PRESETS:
        return PRESETS[value]
    first, last = day_range(value) or (None, None)
    start, end = (
        format_date(day, "medium", viewer_locale()) if day else "" for day in (first, last)
    )
    if start and end:
        return f"{start} – {end}" if start != end else start
    return _("from %(day)s", day=start) if start else _("until %(day)s", day=end)
