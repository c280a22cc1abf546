"""The countries that VAT numbers are from, by their prefixes."""

from __future__ import annotations

from collections.abc import Mapping

_PREFIXES: Mapping[str, tuple[str, ...]] = {
    "GR": ("EL", "GR"),
    "GB": ("GB", "XI"),  # Northern Ireland
    "IM": ("GB", "IM"),
    "MC": ("FR", "MC"),
    "XK": (),
}
"""Countries whose numbers have other prefixes than their own code → those."""


def vat_prefix(number: str, country: str) -> str:
    """Return the prefix of a VAT number of a country; empty if it is not one of these.

    Other numbers may begin with two letters too, such as ABN of Australia.

    Args:
        number: such as `EL094014201`.
        country: ISO 3166 alpha-2 code of who has it.
    """
    prefix = number[:2].upper()
    prefixes = _PREFIXES.get(country, (country,))
    return prefix if country and prefix in prefixes else ""
