"""Country codes."""

from __future__ import annotations

from datetime import date
from functools import cache

from babel import Locale
from babel.numbers import get_territory_currencies

_NOT_COUNTRIES = frozenset(
    ("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ")
)


@cache
def country_codes() -> frozenset[str]:
    """Return the ISO 3166 alpha-2 codes, and XK for Kosovo."""
    return frozenset(
        code
        for code in map(str, Locale("en").territories)
        if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES
    )


@cache
def national_currency(country: str, day: date) -> str:
    """Return the ISO 4217 code of the currency of a country on a day, as CLDR has it."""
    found = get_territory_currencies(country, day, day)
    return str(found[0]) if found else ""
