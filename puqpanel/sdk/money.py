"""Amounts in the minor units that many providers use."""

from decimal import Decimal

from puqpanel.domain.money import exponent


def minor_units(amount: Decimal, currency: str, decimals: int | None = None) -> int:
    """Return an amount in minor units: 12.50 EUR is 1250, 500 JPY is 500.

    Args:
        amount: in major units.
        currency: ISO 4217 code.
        decimals: of the currency at the provider; those of the panel unless given.

    Raises:
        ValueError: the amount has more decimals.
    """
    scaled = amount.scaleb(exponent(currency) if decimals is None else decimals)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} has more decimals than {currency}")
    return int(scaled)


def major_units(minor: int, currency: str, decimals: int | None = None) -> Decimal:
    """Return an amount in major units, exactly.

    Args:
        minor: in minor units.
        currency: ISO 4217 code.
        decimals: of the currency at the provider; those of the panel unless given.
    """
    return Decimal(minor).scaleb(-(exponent(currency) if decimals is None else decimals))
