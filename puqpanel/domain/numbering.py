"""Numbers of documents: the pattern of a series, and when its count starts again."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum

from puqpanel.domain.errors import UserError
from puqpanel.domain.texts import _

MAX_PATTERN_LENGTH, MAX_DIGITS = 60, 12
_FIELD = re.compile(r"\{(year|yy|month|number)(?::0([1-9][0-9]?))?\}")


class Reset(StrEnum):
    """When the count of a series starts again at 1."""

    NEVER = "never"
    YEARLY = "yearly"
    MONTHLY = "monthly"


def check_pattern(pattern: str, reset: Reset) -> str:
    """Return a valid pattern of numbers, such as `FV/{year}/{month}/{number:04}`.

    Raises:
        UserError: it has no number, has unknown fields, or would repeat numbers after a reset.
    """
    pattern = pattern.strip()
    rest = _FIELD.sub("", pattern)
    if not pattern or len(pattern) > MAX_PATTERN_LENGTH or not rest.isprintable():
        raise UserError(
            _("Enter a pattern of at most %(limit)s characters.", limit=MAX_PATTERN_LENGTH)
        )
    if "{" in rest or "}" in rest:
        raise UserError(
            _(
                "Use only the fields {year}, {yy}, {month} and {number}, or {number:04} with"
                " leading zeros."
            )
        )
    fields = {found.group(1): found.group(2) for found in _FIELD.finditer(pattern)}
    if sum(1 for found in _FIELD.finditer(pattern) if found.group(1) == "number") != 1:
        raise UserError(_("The pattern must contain {number} exactly once."))
    if any(int(width or 1) > MAX_DIGITS for width in fields.values()):
        raise UserError(_("A number has at most %(limit)s digits.", limit=MAX_DIGITS))
    has_year = "year" in fields or "yy" in fields
    if reset == Reset.YEARLY and not has_year:
        raise UserError(_("Numbers would repeat each year. Add {year} to the pattern."))
    if reset == Reset.MONTHLY and not (has_year and "month" in fields):
        raise UserError(
            _("Numbers would repeat each month. Add {year} and {month} to the pattern.")
        )
    return pattern


def count_period(reset: Reset, day: date) -> str:
    """Return which count a day belongs to: empty, a year, or a year and month."""
    if reset == Reset.YEARLY:
        return f"{day.year:04}"
    return f"{day.year:04}-{day.month:02}" if reset == Reset.MONTHLY else ""


def number_text(pattern: str, number: int, day: date) -> str:
    """Return the number of a document.

    Args:
        pattern: checked by `check_pattern`.
        number: its count, from 1.
        day: the day of issue.
    """
    values = {"year": day.year, "yy": day.year % 100, "month": day.month, "number": number}
    widths = {"year": 4, "yy": 2, "month": 2, "number": 1}

    def put(found: re.Match[str]) -> str:
        width = int(found.group(2)) if found.group(2) else widths[found.group(1)]
        return f"{values[found.group(1)]:0{width}}"

    return _FIELD.sub(put, pattern)
