"""Date and time formats, in the viewer's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from flask import has_request_context, request

from puqpanel.infra import clock

ZONE_COOKIE = "zone"


def viewer_zone() -> tzinfo:
    """Return the time zone from the browser's cookie; UTC if it is missing or unknown."""
    return _zone(request.cookies.get(ZONE_COOKIE, "")) if has_request_context() else UTC


@lru_cache(maxsize=512)
def _zone(name: str) -> tzinfo:
    if not name or len(name) > 64 or name.startswith(("/", ".")):
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # the name of a folder, an invalid key, an unknown zone
        return UTC


def exact(at: datetime) -> str:
    """Return `16 Jul 2025, 12:04:31 CEST`."""
    local = at.astimezone(viewer_zone())
    return f"{local.day} {local:%b %Y, %H:%M:%S} {local.tzname()}"


def short(at: datetime) -> str:
    """Return `today, 12:04`, this year `14 Jul, 03:00`, and otherwise `9 Nov 2023`."""
    zone = viewer_zone()
    local, today = at.astimezone(zone), clock.now().astimezone(zone)
    if local.date() == today.date():
        return f"today, {local:%H:%M}"
    if local.year == today.year:
        return f"{local.day} {local:%b, %H:%M}"
    return f"{local.day} {local:%b %Y}"


def day(at: datetime) -> str:
    """Return `9 Nov 2023`."""
    local = at.astimezone(viewer_zone())
    return f"{local.day} {local:%b %Y}"


def ago(at: datetime) -> str:
    """Return the time since then in one unit: `8 min`, `2 h`, `5 days`."""
    seconds = (clock.now() - at).total_seconds()
    return "now" if seconds < 5 else span(seconds)


def span(seconds: float) -> str:
    """Format a duration in a suitable unit: `24 s`, `1 min 12 s`, `2 h`, `5 days`."""
    whole = int(seconds)
    if whole < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if whole < 60:
        return f"{whole} s"
    if whole < 600 and whole % 60:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        return f"{whole // 3600} h"
    days = whole // 86400
    return f"{days} day" if days == 1 else f"{days} days"


def took(milliseconds: float) -> str:
    """Format the duration of a request: `850 ms`, from ten seconds on `12 s`."""
    return f"{milliseconds:.0f} ms" if milliseconds < 10_000 else span(milliseconds / 1000)


def now() -> datetime:
    """Return the current time, for templates that show running durations."""
    return clock.now()
