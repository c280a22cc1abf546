"""Numbers of documents: the pattern of a series, and when its count starts again."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum

from puqpanel.domain.errors import UserError
from puqpanel.domain.texts import _

MAX_PATTERN_LENGTH, MAX_DIGITS, MAX_LENGTH = 60, 12, 80
_FIELD = re.compile(r"\{(year|yy|month|number)(?::0([1-9][0-9]?))?\}")
_WIDTHS = {"year": 4, "yy": 2, "month": 2, "number": 1}
"""Digits that a field has unless the pattern says how many."""
_DIGITS = frozenset("0123456789")


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
    fields = [found.group(1) for found in _FIELD.finditer(pattern)]
    if fields.count("number") != 1:
        raise UserError(_("The pattern must contain {number} exactly once."))
    if any(_width(found) > MAX_DIGITS for found in _FIELD.finditer(pattern)):
        raise UserError(_("A number has at most %(limit)s digits.", limit=MAX_DIGITS))
    if len(number_text(pattern, 10**MAX_DIGITS - 1, date.max)) > MAX_LENGTH:
        raise UserError(_("Numbers would be longer than %(limit)s characters.", limit=MAX_LENGTH))
    has_year = "year" in fields or "yy" in fields
    if reset == Reset.YEARLY and not has_year:
        raise UserError(_("Numbers would repeat each year. Add {year} to the pattern."))
    if reset == Reset.MONTHLY and not (has_year and "month" in fields):
        raise UserError(
            _("Numbers would repeat each month. Add {year} and {month} to the pattern.")
        )
    _check_separated(pattern)
    return pattern


def _check_separated(pattern: str) -> None:
    """Check that a number can be read in one way only.

    Digits without another character between them can have one field of varying length: 2026111 of
    `{year}{month:01}{number}` would be the number 11 of January and 1 of November.
    """
    earlier, end = "", 0
    for found in _FIELD.finditer(pattern):
        if not _DIGITS.issuperset(pattern[end : found.start()]):
            earlier = ""
        end = found.end()
        if not _varies(found):
            continue
        if earlier:
            raise UserError(
                _(
                    "%(first)s and %(second)s run together, so numbers could repeat. Put a"
                    " character such as “-” between them, or use two digits for year and month.",
                    first=earlier,
                    second=found.group(),
                )
            )
        earlier = found.group()


def _varies(field: re.Match[str]) -> bool:
    """Return whether the text of a field has no fixed length."""
    return field.group(1) == "number" or _width(field) == 1


def _width(field: re.Match[str]) -> int:
    """Return how many digits a field has at least."""
    name, zeros = field.groups()
    return max(int(zeros or _WIDTHS[name]), 4 if name == "year" else 1)


def can_coincide(pattern: str, other: str) -> bool:
    """Return whether two patterns can give the same number, if any digits stand in the fields."""
    first, second = _characters(pattern), _characters(other)
    seen, places = set(), [(0, 0)]
    while places:
        place = a, b = places.pop()
        if place in seen:
            continue
        seen.add(place)
        if place == (len(first) - 1, len(second) - 1):
            return True
        (here, repeats), (there, also_repeats) = first[a], second[b]
        if repeats:
            places.append((a + 1, b))
        if also_repeats:
            places.append((a, b + 1))
        if here & there:
            places.append((a + (not repeats), b + (not also_repeats)))
    return False


def _characters(pattern: str) -> list[tuple[frozenset[str], bool]]:
    """Return which characters follow each other, and whether any number of them does; none last."""
    characters: list[tuple[frozenset[str], bool]] = []
    end = 0
    for found in _FIELD.finditer(pattern):
        characters += [(frozenset(each), False) for each in pattern[end : found.start()]]
        characters += [(_DIGITS, False)] * _width(found)
        characters += [(_DIGITS, True)] * _varies(found)
        end = found.end()
    return [*characters, *((frozenset(each), False) for each in (*pattern[end:], ""))]


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
    return _FIELD.sub(lambda found: f"{values[found.group(1)]:0{_width(found)}}", pattern)
