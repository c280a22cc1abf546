"""Tax on documents: categories, groups of lines that are taxed alike, and their totals.

Tax is computed once for each group of a document, not for each line, as EN 16931 does. Prices are
entered without tax (net) or with it (gross); whichever was entered is what the client pays exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cache

from puqpanel.domain.decimals import half_up
from puqpanel.domain.money import Money

MAX_TAXES = 3
"""How many taxes a group can have, such as a federal and a provincial one."""


class TaxCategory(StrEnum):
    """How an amount is taxed, as a code of UNCL 5305 that EN 16931 allows."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    EXPORT = "G"
    OUTSIDE_SCOPE = "O"


class PriceEntry(StrEnum):
    """Whether the prices of a company are entered without or with tax."""

    NET = "net"
    GROSS = "gross"


@cache
@cache
def _share(rate: Decimal) -> Fraction:
    """Return a percentage rate as a fraction."""
    return Fraction(rate) / 100


@dataclass(frozen=True, slots=True)
class Tax:
    """One tax of a group.

    Args:
        name: as documents show it, such as VAT.
        rate: in percent.
        compound: whether it is charged on the net amount and the taxes before it.
    """

    name: str
    rate: Decimal
    compound: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 100:
            raise ValueError("a tax rate is 0 to 100 percent")


@dataclass(frozen=True, slots=True)
class TaxGroup:
    """How a group of lines is taxed.

    Args:
        category: the category code.
        taxes: up to three taxes, in the order in which compound ones build on each other; none
            unless the category is STANDARD.
        reason: why no tax is charged, as the document states it; empty if tax is charged.
        country: whose tax is charged; empty if none is.
    """

    category: TaxCategory
    taxes: tuple[Tax, ...] = ()
    reason: str = ""
    country: str = ""

    def __post_init__(self) -> None:
        if len(self.taxes) > MAX_TAXES:
            raise ValueError(f"a tax group has at most {MAX_TAXES} taxes")
        if self.taxes and self.category != TaxCategory.STANDARD:
            raise ValueError(f"category {self.category} has no tax")

    @property
    def shares(self) -> tuple[Fraction, ...]:
        """What each tax adds to a net amount of 1, exactly."""
        shares: list[Fraction] = []
        for tax in self.taxes:
            base = 1 + sum(shares) if tax.compound else Fraction(1)
            shares.append(base * _share(tax.rate))
        return tuple(shares)

    @property
    def rate(self) -> Decimal:
        """The effective rate of all its taxes, in percent of the net amount."""
        exact = sum(self.shares, Fraction()) * 100
        return Decimal(exact.numerator) / Decimal(exact.denominator)


@dataclass(frozen=True, slots=True)
class GroupTotal:
    """The net amount of a tax group and the amount of each of its taxes."""

    group: TaxGroup
    net: Money
    taxes: tuple[Money, ...]

    @property
    def tax(self) -> Money:
        """All taxes together."""
        return Money.total(self.taxes, self.net.currency)

    @property
    def gross(self) -> Money:
        """The net amount and all taxes."""
        return self.net + self.tax


def group_total(group: TaxGroup, entered: Money, entry: PriceEntry) -> GroupTotal:
    """Return the net amount and the taxes of a group.

    Args:
        group: how it is taxed.
        entered: the sum of its lines, as their prices were entered.
        entry: whether that is net or gross. A gross amount stays as it is: tax is taken out of it.
    """
    if entry == PriceEntry.NET:
        taxes: list[Money] = []
        for tax in group.taxes:
            base = Money.total([entered, *taxes], entered.currency) if tax.compound else entered
            taxes.append(base.scaled(_share(tax.rate)))
        return GroupTotal(group, entered, tuple(taxes))
    net = entered.scaled(1 / (1 + sum(group.shares, Fraction())))
    if not any(group.shares):
        return GroupTotal(group, net, tuple(Money.zero(entered.currency) for _ in group.taxes))
    return GroupTotal(group, net, tuple((entered - net).allocate(group.shares)))


def line_nets(group: TaxGroup, entered: Sequence[Money], entry: PriceEntry) -> list[Money]:
    """Return the net amounts of the lines of a group; they sum to the net amount of the group.

    Args:
        group: how the lines are taxed.
        entered: the amount of each line as its price was entered; discounts are negative.
        entry: whether that is net or gross.
    """
    if entry == PriceEntry.NET or not entered:
        return list(entered)
    currency = entered[0].currency
    net = group_total(group, Money.total(entered, currency), entry).net
    factor = 1 / (1 + sum(group.shares, Fraction()))
    nets = scaled_to([amount.minor for amount in entered], factor, net.minor)
    return [Money(minor, currency) for minor in nets]


def scaled_to(numbers: Sequence[int], factor: Fraction, total: int) -> list[int]:
    """Multiply numbers of either sign by a factor, rounded so that they sum to a total.

    Those with the largest remainders are rounded up, the first of equal ones.

    Args:
        numbers: the numbers.
        factor: exact.
        total: the sum of the products, rounded.
    """
    exact = [divmod(number * factor.numerator, factor.denominator) for number in numbers]
    parts = [part for part, _remainder in exact]
    by_remainder = sorted(range(len(parts)), key=lambda at: (-exact[at][1], at))
    for at in by_remainder[: total - sum(parts)]:
        parts[at] += 1
    return parts


def remaining_tax(
    group: TaxGroup, net: Money, credited: GroupTotal, whole: GroupTotal
) -> GroupTotal:
    """Return the taxes of a credit note for a part of a group.

    Each credit note takes the tax of all parts credited so far, less what earlier credit notes
    took; so credit notes for the whole group sum to its taxes exactly, whatever the parts.

    Args:
        group: how it is taxed.
        net: the net amount to credit now.
        credited: the net amount and taxes of earlier credit notes.
        whole: the group on the invoice.

    Raises:
        ValueError: more would be credited than was invoiced.
    """
    upto = credited.net + net
    if abs(upto.minor) > abs(whole.net.minor):
        raise ValueError("more would be credited than was invoiced")
    if not whole.net:
        targets = list(whole.taxes)
    else:
        share = Fraction(upto.minor, whole.net.minor)
        targets = [Money(half_up(tax.minor * share), tax.currency) for tax in whole.taxes]
    taxes = tuple(
        _within(target - done, tax - done)
        for target, done, tax in zip(targets, credited.taxes, whole.taxes, strict=True)
    )
    return GroupTotal(group, net, taxes)


def _within(amount: Money, rest: Money) -> Money:
    """Return an amount that is between zero and what is left."""
    low, high = sorted((Money.zero(rest.currency), rest))
    return min(max(amount, low), high)


def part_with_tax(amount: Money, credited: GroupTotal, whole: GroupTotal) -> GroupTotal:
    """Return the net amount and the taxes of a part of a group that is given with tax.

    Of the net amount and of each tax it takes no more than is left, and what is furthest behind
    the amount first; so parts that sum to the whole group sum to each of its taxes exactly.

    Args:
        amount: with tax, at most what is left of the group.
        credited: the net amount and taxes of earlier credit notes.
        whole: the group on the invoice.
    """
    upto = Fraction((credited.gross + amount).minor, whole.gross.minor)
    sign = -1 if amount.minor < 0 else 1
    amounts = zip((whole.net, *whole.taxes), (credited.net, *credited.taxes), strict=True)
    net, *taxes = amount.allocate(
        [max(sign * (all_of.minor * upto - done.minor), Fraction()) for all_of, done in amounts]
    )
    return GroupTotal(whole.group, net, tuple(taxes))
