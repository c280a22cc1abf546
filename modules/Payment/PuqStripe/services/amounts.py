"""Amounts as Stripe's API has them: in minor units, with a number of decimals of its own.

See https://docs.stripe.com/currencies. HUF and ISK, for example, have two decimals there.
"""

from __future__ import annotations

from decimal import Decimal

from puqpanel.sdk import ExternalServiceError, __, major_units, minor_units

ZERO_DECIMAL = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "JPY",
        "KMF",
        "KRW",
        "MGA",
        "PYG",
        "RWF",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
THREE_DECIMAL = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
# Stripe's page lists it both as zero-decimal and as sent with two decimals.
AMBIGUOUS = frozenset({"UGX"})


class UnusableAmount(ExternalServiceError):
    """Stripe can't take this amount; nothing was sent."""


def decimals(currency: str) -> int:
    """Return the number of decimals of a currency in Stripe's API.

    Raises:
        UnusableAmount: it is not certain.
    """
    if currency in AMBIGUOUS:
        raise UnusableAmount(
            __("Payments in :currency can't be made through Stripe.", {"currency": currency})
        )
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def to_stripe(amount: Decimal, currency: str) -> int:
    """Return an amount for a request.

    Args:
        amount: in major units.
        currency: ISO 4217 code.

    Raises:
        UnusableAmount: Stripe can't take this amount exactly.
    """
    places = decimals(currency)
    # Card networks take no third decimal, and no decimals of ISK.
    step = 10 if places == 3 else 100 if currency == "ISK" else 1
    try:
        minor = minor_units(amount, currency, places)
    except ValueError:
        minor = -1
    if minor <= 0 or minor % step:
        raise UnusableAmount(
            __(
                "Stripe can't take exactly :amount :currency.",
                {"amount": str(amount), "currency": currency},
            )
        )
    return minor


def from_stripe(minor: int, currency: str) -> Decimal:
    """Return an amount of a response in major units."""
    return major_units(int(minor), currency, decimals(currency))
