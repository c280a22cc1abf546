"""Exchange rates, and conversion between currencies with a rounding rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from puqpanel.domain.decimals import half_up
from puqpanel.domain.errors import UserError
from puqpanel.domain.money import Money, exponent
from puqpanel.domain.texts import _

RATE_PLACES = 10
MAX_RATE = Decimal(10) ** 10
MAX_STEP = 1_000_000


class Rounding(StrEnum):
    """To which multiple of the step a converted amount is rounded; up is away from zero."""

    HALF_UP = "half_up"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of the base currency is worth in a currency, and how amounts in it are rounded.

    Args:
        value: units of the currency for one unit of the base currency.
        step: converted amounts are multiples of it, in major units: 0.01, 0.05, 1.
        rounding: how.
    """

    value: Decimal
    step: Decimal
    rounding: Rounding = Rounding.HALF_UP


def convert(money: Money, to: str, rates: Mapping[str, Rate]) -> Money:
    """Return an amount in another currency, rounded once by the rule of that currency.

    An amount that is in that currency already stays as it is.

    Args:
        money: the amount.
        to: the ISO 4217 code.
        rates: by code, including the base currency's own.

    Raises:
        UserError: one of the two has no rate.
    """
    if money.currency == to:
        return money
    for code in (money.currency, to):
        if code not in rates:
            raise UserError(_("%(currency)s has no exchange rate.", currency=code))
    rate = rates[to]
    steps = (
        Fraction(money.major)
        * Fraction(rate.value)
        / Fraction(rates[money.currency].value)
        / Fraction(rate.step)
    )
    minor = _rounded(steps, rate.rounding) * Fraction(rate.step) * 10 ** exponent(to)
    return Money(minor.numerator, to)


def check_rate(value: Decimal) -> Decimal:
    """Return a valid rate.

    Raises:
        UserError: it is not a positive number that can be stored exactly.
    """
    if not value.is_finite() or value <= 0:
        raise UserError(_("Enter a rate greater than 0."))
    if value >= MAX_RATE:
        raise UserError(_("Enter a rate less than %(limit)s.", limit=int(MAX_RATE)))
    if value != round(value, RATE_PLACES):
        raise UserError(_("Enter a rate with at most %(places)s decimals.", places=RATE_PLACES))
    return value


def check_step(step: Decimal, currency: str) -> Decimal:
    """Return a valid rounding step.

    Raises:
        UserError: it is not a positive number of minor units.
    """
    smallest = Decimal(1).scaleb(-exponent(currency))
    if not step.is_finite() or not smallest <= step <= MAX_STEP or step % smallest:
        raise UserError(
            _(
                "Enter a multiple of %(smallest)s up to %(largest)s.",
                smallest=format(smallest, "f"),
                largest=MAX_STEP,
            )
        )
    return step


def _rounded(steps: Fraction, rounding: Rounding) -> int:
    if rounding == Rounding.HALF_UP:
        return half_up(steps)
    whole = abs(steps.numerator) // steps.denominator
    if rounding == Rounding.UP and whole != abs(steps):
        whole += 1
    return whole if steps >= 0 else -whole
