"""Charges: what a line of a document pays for, and what an upgrade leaves to settle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction

from puqpanel.domain.money import Money
from puqpanel.domain.periods import Span
from puqpanel.domain.tax import TaxGroup


class ChargeKind(StrEnum):
    """What a charge is for."""

    SETUP = "setup"
    RECURRING = "recurring"
    PRORATION = "proration"
    UNUSED = "unused"
    """A credit for days that were charged and not used, because a change charges them again."""
    USAGE = "usage"
    FEE = "fee"


COVERS_DAYS = (ChargeKind.RECURRING, ChargeKind.PRORATION, ChargeKind.UNUSED)
"""Kinds of charges for days of a service."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """An amount that was charged for days of a service.

    Args:
        amount: net or gross, as prices are entered.
        span: the days.
        group: how it was taxed; None if as the service is taxed today.
    """

    amount: Money
    span: Span
    group: TaxGroup | None = None


def unused(charges: Sequence[Coverage], day: date, currency: str) -> Money:
    """Return the part of all charges that covers the days from a day on.

    It is counted over all charges of the service, earlier upgrades in the same period included, so
    that a second and third upgrade are settled exactly.

    Args:
        charges: all charges of the service that were not reversed; credits are negative.
        day: the first day that is not used.
        currency: of the service.
    """
    left = Fraction()
    for charge in charges:
        days = (charge.span.end - max(day, charge.span.start)).days
        if days > 0 and charge.span.days:
            left += Fraction(charge.amount.minor * days, charge.span.days)
    return Money(1, currency).scaled(left)
