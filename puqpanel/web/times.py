"""Date, time and duration formats, in the viewer's locale and time zone."""

from __future__ import annotations

from datetime import date, datetime, time
from functools import lru_cache
from typing import Literal

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, get_datetime_format
from babel.units import format_unit

from puqpanel.domain.texts import _
from puqpanel.infra import clock
from puqpanel.web.locale import viewer_locale, viewer_zone


def exact(at: datetime) -> str:
    """Return `16 Jul 2025, 12:04:31 CEST`."""
    local, locale = at.astimezone(viewer_zone()), viewer_locale()
    text = _date_and_time(locale).format(
        _time(local.time().replace(microsecond=0), "medium", locale), _date(local.date(), locale)
    )
    return f"{text} {local.tzname()}"


def short(at: datetime) -> str:
    """Return `today, 12:04`, this year `14 Jul, 03:00`, and otherwise `9 Nov 2023`."""
    zone, locale = viewer_zone(), viewer_locale()
    local, today = at.astimezone(zone), clock.now().astimezone(zone)
    if local.year != today.year:
        return day(at)
    shown = _time(local.time().replace(second=0, microsecond=0), "short", locale)
    if local.date() == today.date():
        return str(_("today, %(time)s", time=shown))
    return str(_("%(date)s, %(time)s", date=_day_of_year(local.date(), locale), time=shown))


def day(at: datetime) -> str:
    """Return `9 Nov 2023`."""
    return _date(at.astimezone(viewer_zone()).date(), viewer_locale())


def clock_time(at: datetime) -> str:
    """Return `12:04`."""
    local = at.astimezone(viewer_zone()).time()
    return _time(local.replace(second=0, microsecond=0), "short", viewer_locale())


def until(at: datetime) -> str:
    """Return `12:04` today, and otherwise `14 Jul, 03:00`."""
    zone = viewer_zone()
    today = at.astimezone(zone).date() == clock.now().astimezone(zone).date()
    return clock_time(at) if today else short(at)


def ago(at: datetime) -> str:
    """Return the time since then in one unit: `8 min`, `2 hrs`, `5 days`."""
    seconds = (clock.now() - at).total_seconds()
    return str(_("now")) if seconds < 5 else span(seconds)


def span(seconds: float) -> str:
    """Format a duration in a suitable unit: `24 secs`, `1 min 12 secs`, `2 hrs`, `5 days`."""
    whole = int(seconds)
    if whole < 1:
        return _unit(round(max(seconds, 0) * 1000), "millisecond")
    if whole < 60:
        return _unit(whole, "second")
    if whole < 600 and whole % 60:
        return f"{_unit(whole // 60, 'minute')} {_unit(whole % 60, 'second')}"
    if whole < 3600:
        return _unit(whole // 60, "minute")
    if whole < 86400:
        return _unit(whole // 3600, "hour")
    return _unit(whole // 86400, "day")


def took(milliseconds: float) -> str:
    """Format the duration of a request: `850 ms`, from ten seconds on `12 secs`."""
    if milliseconds < 10_000:
        return _unit(round(milliseconds), "millisecond")
    return span(milliseconds / 1000)


def now() -> datetime:
    """Return the current time, for templates that show running durations."""
    return clock.now()


@lru_cache(maxsize=64)
def _date_and_time(locale: Locale) -> str:
    """Return the pattern that joins a time, `{0}`, and a date, `{1}`."""
    return str(get_datetime_format("medium", locale=locale)).replace("'", "")


@lru_cache(maxsize=2048)
def _date(day: date, locale: Locale) -> str:
    return format_date(day, "medium", locale=locale)


@lru_cache(maxsize=2048)
def _day_of_year(day: date, locale: Locale) -> str:
    return format_skeleton("MMMd", day, locale=locale)


@lru_cache(maxsize=2048)
def _time(at: time, length: Literal["short", "medium"], locale: Locale) -> str:
    return format_time(at, length, locale=locale)


def _unit(number: int, unit: str) -> str:
    return format_unit(number, unit, "short", locale=viewer_locale())
