"""How much a user may store and how much there is: the quota as staff write it, as servers tell
it, and as people read it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNITS = {"b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3, "tb": 1024**4, "pb": 1024**5}
UNLIMITED = "none"
WARN_FROM, BAD_FROM = 85, 95
_SIZE = re.compile(r"(\d+(?:[.,]\d+)?)\s*([kmgtp]?i?b)?", re.IGNORECASE)


def size(value: object) -> int | None:
    """Bytes of what a server or a person may write: 5368709120, "5368709120", 5.3e9, "5 GB",
    "5,5GB"; else None.

    Servers use -1, -2 and -3 for "not computed", "unknown" and "unlimited": none of these is a
    size.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return int(value) if value >= 0 else None
    match = _SIZE.fullmatch(str(value).strip())
    if match is None:
        return None
    unit = (match[2] or "b").lower().replace("ib", "b")
    return round(float(match[1].replace(",", ".")) * UNITS[unit])


def normal(text: str) -> str:
    """A quota in the one form that servers take: "5 GB", "none" for no limit, "default" for the
    server's own.

    Raises:
        ValueError: it is none of these, with a sentence for the form.
    """
    word = " ".join(text.split())
    if word.lower() in ("", UNLIMITED, "unlimited", "no limit"):
        return UNLIMITED
    if word.lower() == "default":
        return "default"
    match = _SIZE.fullmatch(word)
    if match is None or not match[2] or not size(word):
        raise ValueError(
            'Write a size with its unit, such as "5 GB" or "500 MB", or "none" for no limit.'
        )
    return f"{match[1].replace(',', '.')} {match[2].upper().replace('IB', 'B')}"


def same(told: object, wanted: str) -> bool:
    """True if the limit that a server tells is for certain the one that is wanted."""
    if wanted == UNLIMITED:
        return str(told).strip().lower() in (UNLIMITED, "-3")
    return size(told) is not None and size(told) == size(wanted)


def human(count: int) -> str:
    """Bytes for people: 5 GB, 1.5 MB, 0 B."""
    amount, unit = float(count), "B"
    for unit in ("B", "KB", "MB", "GB", "TB", "PB"):
        if round(amount, 1) < 1024 or unit == "PB":
            break
        amount /= 1024
    return f"{amount:.1f}".removesuffix(".0") + f" {unit}"


@dataclass(frozen=True)
class Usage:
    """What is stored, and of how much; `total` is None where there is no limit."""

    used: int
    total: int | None

    @property
    def percent(self) -> float:
        """The share in use, 0 to 100; 0 where there is no limit."""
        return min(100.0, round(self.used * 100 / self.total, 1)) if self.total else 0.0

    @property
    def tone(self) -> str:
        """good, warn from 85 % or bad from 95 %."""
        return (
            "bad" if self.percent >= BAD_FROM else "warn" if self.percent >= WARN_FROM else "good"
        )

    def as_dict(self) -> dict[str, Any]:
        """For the customer's page: figures, and the same in words."""
        total = human(self.total) if self.total else "no limit"
        free = human(max(0, self.total - self.used)) if self.total else ""
        return {
            "used": self.used,
            "total": self.total,
            "percent": self.percent,
            "tone": self.tone,
            "used_text": human(self.used),
            "total_text": total,
            "free_text": free,
        }


def usage(user: Mapping[str, Any]) -> Usage | None:
    """Read a user's quota out of what the server says of the user, whatever its maker and version.

    Seen: a map of free, used, total, relative and quota, as numbers or as text; a map of quota
    "none" and used alone, before the user first signed in; the limit alone; an empty list. None
    where the server does not tell what is in use.
    """
    told = user.get("quota")
    figures: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    used = size(figures.get("used"))
    if used is None:
        return None
    # Without a limit of the user's own, `total` is the server's disk: nothing to measure a customer
    # by.
    limit = size(figures["quota"]) if "quota" in figures else size(figures.get("total"))
    if str(figures.get("quota", "")).lower() == "default":
        limit = size(figures.get("total"))
    return Usage(used, limit or None)
