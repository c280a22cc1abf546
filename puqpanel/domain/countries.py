"""Country codes."""

from __future__ import annotations

from functools import cache

from babel import Locale

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
