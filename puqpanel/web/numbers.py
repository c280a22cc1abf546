"""Numbers and sizes on pages, in the viewer's locale."""

from __future__ import annotations

from babel.units import format_unit

from puqpanel.host.languages import format_number
from puqpanel.web.locale import viewer_locale

UNITS = ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte")


def size(count: float) -> str:
    """Return a number of bytes in a suitable unit of 1000, such as 1.5 GB; a filter."""
    amount, unit = float(count), UNITS[0]
    for unit in UNITS:
        if round(amount, 1) < 1000 or unit == UNITS[-1]:
            break
        amount /= 1000
    return format_unit(round(amount, 1), f"digital-{unit}", "short", locale=viewer_locale())


def shown(value: object) -> object:
    """Return a number in the viewer's locale, and anything else as it is; a filter."""
    return format_number(value) if isinstance(value, int | float) else value
