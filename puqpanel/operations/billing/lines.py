"""Lines of documents: their amounts, and the taxes of each group of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Span
from puqpanel.domain.tax import (
    GroupTotal,
    PriceEntry,
    Tax,
    TaxCategory,
    TaxGroup,
    group_total,
    line_nets,
)
from puqpanel.domain.tax_rules import STANDARD_CLASS
from puqpanel.domain.texts import _
from puqpanel.domain.xml_text import xml_text
from puqpanel.models import Document, DocumentLineRow, DocumentTax
from puqpanel.operations.billing.plain_documents import PlainDocument, PlainRow
from puqpanel.operations.billing.tax_tables import TaxTable

MAX_LINES, MAX_QUANTITY = 1000, 10**6
MAX_AMOUNT_MINOR = 10**12
MAX_UNIT_PRICE = 10**10
"""What the column of unit prices cannot hold, in major units."""
UNIT_PLACES, QUANTITY_PLACES = 6, 4
"""Decimals of unit prices and quantities."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line to be put on a document.

    Args:
        description: what is sold, in the document's language.
        unit_price: of a unit in major units, as prices are entered; negative for a discount.
        quantity: how many units.
        details: more about it.
        tax_class: of what is sold.
        group: the tax group; that of the class today unless given. A credit keeps the group of what
            it credits.
        amount: if it is not the product of price and quantity, such as a share of a period.
        service_id: the service that it pays for.
        kind: what it pays for, a `ChargeKind` or FUNDS; empty if it is for no service.
        period: the days that it pays for.
        explanation: why the amount is what it is.
    """

    description: str
    unit_price: Decimal
    quantity: Decimal = Decimal(1)
    details: str = ""
    tax_class: str = STANDARD_CLASS
    group: TaxGroup | None = None
    amount: Money | None = None
    service_id: int | None = None
    kind: str = ""
    period: Span | None = None
    explanation: dict[str, Any] = field(default_factory=dict)

    def amount_in(self, currency: str) -> Money:
        """Return the amount, as prices are entered."""
        if self.amount is not None:
            return self.amount
        return product(self.unit_price, self.quantity, currency)


@dataclass(frozen=True, slots=True)
class Reckoning:
    """The amounts and taxes of document lines.

    Args:
        amounts: of each line, as prices are entered.
        nets: of each line, without tax.
        positions: which of the totals each line belongs to.
        totals: net amount and taxes of each group.
    """

    amounts: tuple[Money, ...]
    nets: tuple[Money, ...]
    positions: tuple[int, ...]
    totals: tuple[GroupTotal, ...]

    @property
    def net_minor(self) -> int:
        """The sum without tax, in minor units."""
        return sum(total.net.minor for total in self.totals)

    @property
    def tax_minor(self) -> int:
        """The sum of all taxes, in minor units."""
        return sum(tax.minor for total in self.totals for tax in total.taxes)


def product(unit_price: Decimal, quantity: Decimal, currency: str) -> Money:
    """Return the amount of a quantity, rounded half up to a minor unit."""
    return Money.from_major(1, currency).scaled(unit_price * quantity)


def reckon(lines: Sequence[Line], taxes: TaxTable, currency: str, entry: PriceEntry) -> Reckoning:
    """Compute the amounts of lines and the taxes of each group of them.

    Raises:
        InvalidInput: there is no line, or an amount is out of range.
        NoTaxRateError: tax must be charged, but there is no rate.
    """
    amounts = check_lines(lines, currency)
    places: dict[TaxGroup, list[int]] = {}
    for at, line in enumerate(lines):
        places.setdefault(line.group or taxes.group(line.tax_class), []).append(at)
    nets, positions = list(amounts), [0] * len(lines)
    totals: list[GroupTotal] = []
    for position, (group, members) in enumerate(places.items()):
        entered = [amounts[at] for at in members]
        totals.append(group_total(group, Money.total(entered, currency), entry))
        for at, net in zip(members, line_nets(group, entered, entry), strict=True):
            nets[at], positions[at] = net, position
    return Reckoning(tuple(amounts), tuple(nets), tuple(positions), tuple(totals))


def check_lines(lines: Sequence[Line], currency: str) -> list[Money]:
    """Return the amounts of lines, as prices are entered, if they can be put on a document.

    Raises:
        InvalidInput: there is none, there are too many, or a value of one is invalid.
    """
    if not lines:
        raise InvalidInput({"": [_("Add at least one line.")]})
    if len(lines) > MAX_LINES:
        raise InvalidInput({"": [_("A document has at most %(limit)s lines.", limit=MAX_LINES)]})
    amounts = [line.amount_in(currency) for line in lines]
    limit = largest_amount(currency)
    for position, (line, amount) in enumerate(zip(lines, amounts, strict=True), 1):
        if not xml_text(line.description) or len(line.description) > 500:
            text = _("Line %(number)s: enter a description.", number=position)
        elif not 0 < line.quantity <= MAX_QUANTITY:
            text = _(
                "Line %(number)s: enter a quantity greater than 0 and at most %(limit)s.",
                number=position,
                limit=MAX_QUANTITY,
            )
        elif line.quantity != round(line.quantity, QUANTITY_PLACES) or line.unit_price != round(
            line.unit_price, UNIT_PLACES
        ):
            text = _("Line %(number)s has too many decimals.", number=position)
        elif abs(amount.minor) > limit.minor or abs(line.unit_price) >= MAX_UNIT_PRICE:
            text = _(
                "Line %(number)s: enter an amount up to %(limit)s.", number=position, limit=limit
            )
        else:
            continue
        raise InvalidInput({"": [text]})
    return amounts


def largest_amount(currency: str) -> Money:
    """Return the largest amount of a line, which a credit note has as the price of one unit."""
    largest_price = Money.from_major(MAX_UNIT_PRICE - 1, currency)
    return min(largest_price, Money(MAX_AMOUNT_MINOR, currency))


def line_values(lines: Sequence[Line], reckoning: Reckoning) -> list[dict[str, Any]]:
    """Return the columns of lines of a document."""
    return [
        {
            "position": at,
            "description": xml_text(line.description),
            "details": xml_text(line.details),
            "quantity": line.quantity,
            "unit_price": line.unit_price,
            "amount_minor": reckoning.amounts[at].minor,
            "net_minor": reckoning.nets[at].minor,
            "tax_position": reckoning.positions[at],
            "tax_class": line.tax_class,
            "service_id": line.service_id,
            "kind": line.kind,
            "period_start": line.period.start if line.period else None,
            "period_end": line.period.end if line.period else None,
            "explanation": line.explanation,
        }
        for at, line in enumerate(lines)
    ]


def tax_values(totals: Sequence[GroupTotal]) -> list[dict[str, Any]]:
    """Return the columns of the taxes of groups."""
    return [
        {
            "position": at,
            "category": total.group.category,
            "reason": total.group.reason,
            "country": total.group.country,
            "net_minor": total.net.minor,
            "taxes": [
                {
                    "name": tax.name,
                    "rate": f"{tax.rate:f}",
                    "compound": tax.compound,
                    "minor": amount.minor,
                }
                for tax, amount in zip(total.group.taxes, total.taxes, strict=True)
            ],
        }
        for at, total in enumerate(totals)
    ]


def line_rows(lines: Sequence[Line], reckoning: Reckoning) -> list[DocumentLineRow]:
    """Return lines as rows of a document."""
    return [DocumentLineRow(**values) for values in line_values(lines, reckoning)]


def tax_rows(totals: Sequence[GroupTotal]) -> list[DocumentTax]:
    """Return the taxes of groups as rows of a document."""
    return [DocumentTax(**values) for values in tax_values(totals)]


def is_written(document: Document | PlainDocument, reckoning: Reckoning) -> bool:
    """Return whether a document has the amounts and taxes of a reckoning already."""
    currency = document.currency
    lines = [(row.amount_minor, row.net_minor, row.tax_position) for row in document.lines]
    reckoned = zip(reckoning.amounts, reckoning.nets, reckoning.positions, strict=True)
    return (
        lines == [(amount.minor, net.minor, position) for amount, net, position in reckoned]
        and tuple(total_of(row, currency) for row in document.taxes) == reckoning.totals
    )


def line_of(row: DocumentLineRow | PlainRow, currency: str) -> Line:
    """Return a row of a draft as a line."""
    period = None
    if row.period_start and row.period_end:
        period = Span(row.period_start, row.period_end)
    return Line(
        description=row.description,
        unit_price=row.unit_price,
        quantity=row.quantity,
        details=row.details,
        tax_class=row.tax_class,
        amount=Money(row.amount_minor, currency),
        service_id=row.service_id,
        kind=row.kind,
        period=period,
        explanation=row.explanation,
    )


def total_of(row: DocumentTax | PlainRow, currency: str) -> GroupTotal:
    """Return a tax group of a document with its amounts."""
    taxes = tuple(Tax(tax["name"], Decimal(tax["rate"]), tax["compound"]) for tax in row.taxes)
    group = TaxGroup(TaxCategory(row.category), taxes, row.reason, row.country)
    amounts = tuple(Money(tax["minor"], currency) for tax in row.taxes)
    return GroupTotal(group, Money(row.net_minor, currency), amounts)
