"""Storage quotas: parse what staff and servers write, and format it for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from puqpanel.sdk import __, format_number

UNITS = {"b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3, "tb": 1024**4, "pb": 1024**5}
LARGEST = 2**80  # in bytes; a larger number of a server is none
UNLIMITED = "none"
WARN_PERCENT, BAD_PERCENT = 85, 95
_SIZE = re.compile(r"(\d+(?:[.,]\d+)?)\s*([kmgtp]?i?b)?", re.IGNORECASE)


def parse_size(value: object) -> int | None:
    """Return the bytes in 5368709120, "5368709120", 5.3e9, "5 GB" or "5,5GB"; else None.

    Servers use -1, -2 and -3 for "not computed", "unknown" and "unlimited"; all give None.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return int(value) if 0 <= value < LARGEST else None
    match = _SIZE.fullmatch(str(value).strip())
    if match is None:
        return None
    unit = (match[2] or "b").lower().replace("ib", "b")
    size = float(match[1].replace(",", ".")) * UNITS[unit]
    return round(size) if size < LARGEST else None


def normalize(text: str) -> str:
    """Return a quota in the form that servers accept.

    That is a size such as "5 GB", "none" for no limit, or "default" for the server's default.

    Raises:
        ValueError: The text is none of these; the message is meant for the form.
    """
    quota = " ".join(text.split())
    if quota.lower() in ("", UNLIMITED, "unlimited", "no limit"):
        return UNLIMITED
    if quota.lower() == "default":
        return "default"
    match = _SIZE.fullmatch(quota)
    if match is None or not match[2] or not parse_size(quota):
        raise ValueError(
            __('Enter a size with its unit, such as "5 GB" or "500 MB", or "none" for no limit.')
        )
    return f"{match[1].replace(',', '.')} {match[2].upper().replace('IB', 'B')}"


def is_same(reported: object, quota: str) -> bool:
    """Return whether the limit that a server reports certainly equals a quota."""
    if quota == UNLIMITED:
        return str(reported).strip().lower() in (UNLIMITED, "-3")
    size = parse_size(reported)
    return size is not None and size == parse_size(quota)


def format_size(size_bytes: int) -> str:
    """Return a size for people, such as 5 GB, 1.5 MB or 0 B."""
    amount, unit = float(size_bytes), "B"
    for unit in ("B", "KB", "MB", "GB", "TB", "PB"):
        if round(amount, 1) < 1024 or unit == "PB":
            break
        amount /= 1024
    return f"{format_number(round(amount, 1))} {unit}"


@dataclass(frozen=True)
class Usage:
    """Storage in use.

    Attributes:
        used: Bytes in use.
        total: The limit in bytes, or None without a limit.
    """

    used: int
    total: int | None

    @property
    def percent(self) -> float:
        """Return the percentage in use, 0 to 100; 0 without a limit."""
        return min(100.0, round(self.used * 100 / self.total, 1)) if self.total else 0.0

    @property
    def tone(self) -> str:
        """Return "good", "warn" from 85 %, or "bad" from 95 %."""
        if self.percent >= BAD_PERCENT:
            return "bad"
        return "warn" if self.percent >= WARN_PERCENT else "good"

    def as_dict(self) -> dict[str, Any]:
        """Return the figures and their texts for the customer's page."""
        return {
            "used": self.used,
            "total": self.total,
            "percent": self.percent,
            "tone": self.tone,
            "used_text": format_size(self.used),
            "total_text": format_size(self.total) if self.total else "",
            "free_text": format_size(max(0, self.total - self.used)) if self.total else "",
        }


def parse_usage(user: Mapping[str, Any]) -> Usage | None:
    """Return a user's storage usage from the details that a server sends.

    Servers send a map of free, used, total, relative and quota, as numbers or text; a map of
    quota "none" and used only, before the user's first sign-in; the limit only; or an empty list.

    Returns:
        The usage, or None if the server does not report how much is in use.
    """
    entry = user.get("quota")
    figures: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {}
    used = parse_size(figures.get("used"))
    if used is None:
        return None
    # Without a limit for the user, `total` is the size of the server's disk.
    limit = parse_size(figures["quota"] if "quota" in figures else figures.get("total"))
    if str(figures.get("quota", "")).lower() == "default":
        limit = parse_size(figures.get("total"))
    return Usage(used, limit or None)
