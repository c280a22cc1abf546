"""Decimal numbers as people write them, and rounding."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from babel import Locale
from babel.numbers import (
    NumberFormatError,
    get_decimal_symbol,
    get_group_symbol,
    parse_decimal,
    parse_pattern,
)

MAX_TEXT_LENGTH = 40
_SPACES = " \u00a0\u202f"
_APOSTROPHES = "'’"


def parse_localized(text: str, locale: Locale | str, *, grouping: bool = True) -> Decimal | None:
    """Parse a number that a person typed; None if it is not valid in the locale.

    ASCII digits, without a sign or exponent. Grouping separators must be where the locale puts
    them; no-break spaces and typographic apostrophes are accepted too. A point or comma that can't
    be a grouping separator is the decimal separator in every locale, as in 1,50.

    Args:
        text: what a person typed.
        locale: whose separators apply.
        grouping: whether grouping separators are accepted.
    """
    if len(text) > MAX_TEXT_LENGTH:
        return None
    number = _in_locale(text, locale, grouping=grouping)
    if number is None and re.fullmatch(r"[0-9]+[.,][0-9]+", text.strip(_SPACES)):
        return None if is_ambiguous(text) else Decimal(text.strip(_SPACES).replace(",", "."))
    return number


def _in_locale(text: str, locale: Locale | str, *, grouping: bool) -> Decimal | None:
    point, group = get_decimal_symbol(locale), get_group_symbol(locale)
    accepted = next((kind for kind in (_SPACES, _APOSTROPHES) if group in kind), group)
    part = f"(?:[{re.escape(accepted)}][0-9]+)*" if grouping else ""
    written = text.strip(_SPACES)
    if re.fullmatch(rf"[0-9]+{part}(?:{re.escape(point)}[0-9]+)?", written) is None:
        return None
    if len(set(re.findall(f"[{re.escape(accepted)}]", written))) > 1:
        return None
    whole, mark, decimals = written.partition(point)
    whole = re.sub(f"[{re.escape(accepted)}]", lambda _: group, whole)
    try:
        return parse_decimal(whole + mark + decimals, locale=locale, strict=True)
    except NumberFormatError:
        return None


def is_ambiguous(text: str) -> bool:
    """Return whether a point or comma in `text` may separate thousands as well as decimals."""
    return re.fullmatch(r"[1-9][0-9]{0,2}[.,][0-9]{3}", text.strip(_SPACES)) is not None


def format_localized(
    value: Decimal, locale: Locale | str, places: int, *, grouping: bool = True
) -> str:
    """Return a number in a locale's format.

    Args:
        value: the number.
        locale: whose separators apply.
        places: how many decimals to show.
        grouping: whether to separate thousands.
    """
    pattern = parse_pattern(Locale.parse(locale).decimal_formats[None].pattern)
    pattern.frac_prec = (places, places)
    return str(pattern.apply(value, locale, group_separator=grouping))


def half_up(value: Fraction) -> int:
    """Return the nearest integer; a half is rounded away from zero."""
    size = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return size if value.numerator >= 0 else -size
