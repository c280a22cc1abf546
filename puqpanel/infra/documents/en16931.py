"""A document as EN 16931 sees it; `cii.py` and `ubl.py` write it in the two syntaxes.

The standard differs from the document in a few points:

* A breakdown exists once for each category and rate, so groups that differ only in names or reasons
  are merged.
* A group with several taxes (Canada) has one rate, the effective one, because a breakdown is for
  VAT alone. Each tax and its amount are stated in the notes.
* An invoice with items that are not subject to VAT (category O) must not have any other category,
  nor VAT numbers. Beside others, such items are stated as exempt (E) with the same reason; alone,
  the VAT numbers are given as other identifiers.
* A price must not be negative, so discounts have a negative quantity. A price that, multiplied by
  the quantity and rounded half up, is not the net amount of its line is stated for the whole
  quantity of the line.
* Only a number with the prefix of the party's country is a VAT identifier; any other is a tax
  registration. A buyer without a country, which is taxed at home, has that of the seller.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from puqpanel.domain.documents import DocumentData, DocumentKind, DocumentLine, Party
from puqpanel.domain.money import Money, exponent
from puqpanel.domain.tax import GroupTotal, TaxCategory, TaxGroup
from puqpanel.domain.texts import SOURCE, Language
from puqpanel.domain.vat_prefixes import vat_prefix
from puqpanel.infra import catalogs
from puqpanel.infra.documents import formats, labels

SPECIFICATION = "urn:cen.eu:en16931:2017"
TYPE_CODES = {DocumentKind.INVOICE: "380", DocumentKind.CREDIT_NOTE: "381"}
UNIT = "C62"
"""The unit “one” of UN/ECE Recommendation 20."""
SEPA_TRANSFER, TRANSFER = "58", "30"
EXEMPTION_CODES = {
    TaxCategory.REVERSE_CHARGE: "VATEX-EU-AE",
    TaxCategory.EXPORT: "VATEX-EU-G",
    TaxCategory.OUTSIDE_SCOPE: "VATEX-EU-O",
}
COUNTRY_CODES = {"XK": "1A"}
"""Codes of the list of EN 16931 that differ from those of the panel: Kosovo."""
_VAT_NUMBER = re.compile(r"[A-Z]{2}[0-9A-Z+*. -]+")


class NotAnInvoiceError(ValueError):
    """The document is a draft or a proforma, which EN 16931 does not have."""


@dataclass(frozen=True, slots=True)
class Item:
    """A line: quantity × price ÷ base_quantity, rounded half up, is net."""

    number: str
    line: DocumentLine
    quantity: Decimal
    price: Decimal
    base_quantity: Decimal
    net: Decimal
    category: TaxCategory
    rate: Decimal


@dataclass(slots=True)
class Breakdown:
    """The amounts of a category and rate."""

    category: TaxCategory
    rate: Decimal
    net: Money
    tax: Money
    reasons: dict[str, None] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """Why no tax is charged."""
        return " ".join(self.reasons)

    @property
    def reason_code(self) -> str:
        """The reason as a code of the list VATEX."""
        return EXEMPTION_CODES.get(self.category, "")


@dataclass(frozen=True, slots=True)
class Identified:
    """A party with its identifiers sorted by kind; empty ones are not stated."""

    party: Party
    vat_number: str
    tax_number: str
    registration: str
    endpoint: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Invoice:
    """A document in the terms of EN 16931."""

    data: DocumentData
    type_code: str
    notes: list[str]
    items: list[Item]
    breakdowns: list[Breakdown]
    seller: Identified
    buyer: Identified
    prepaid: Money
    due: Money

    @property
    def payment_means(self) -> str:
        """The code of the way to pay."""
        return SEPA_TRANSFER if self.data.currency == "EUR" else TRANSFER


def invoice(data: DocumentData) -> Invoice:
    """Return a document in the terms of EN 16931.

    Raises:
        NotAnInvoiceError: it is a proforma or a draft.
        ValueError: its lines do not sum to its totals.
    """
    if data.kind not in TYPE_CODES or not data.number:
        raise NotAnInvoiceError(f"{data.kind} {data.number} is not an invoice")
    if Money.total((line.net for line in data.lines), data.currency) != data.net:
        raise ValueError(f"the lines of {data.number} do not sum to its totals")
    language = catalogs.find(data.language) or SOURCE
    outside_only = all(_category(total.group) == TaxCategory.OUTSIDE_SCOPE for total in data.totals)
    prepaid = data.prepaid or Money.zero(data.currency)
    buyer = replace(data.buyer, country=data.buyer.country or data.seller.country)
    return Invoice(
        data=data,
        type_code=TYPE_CODES[data.kind],
        notes=[*_tax_notes(data, language), *data.notes, *filter(None, [data.reason])],
        items=[_item(at, line, outside_only) for at, line in enumerate(data.lines, 1)],
        breakdowns=_breakdowns(data.totals, language, outside_only),
        seller=_identified(data.seller, outside_only),
        buyer=_as_buyer(_identified(buyer, outside_only)),
        prepaid=prepaid,
        due=data.total - prepaid,
    )


def decimal(value: Decimal) -> str:
    """Return a number without an exponent and trailing zeros."""
    return f"{value.normalize():f}" if value else "0"


def amount(money: Money) -> str:
    """Return an amount in major units."""
    return f"{money.major:.{exponent(money.currency)}f}"


def _category(group: TaxGroup, outside_only: bool = True) -> TaxCategory:
    if group.category == TaxCategory.STANDARD and not group.rate:
        return TaxCategory.ZERO
    if group.category == TaxCategory.OUTSIDE_SCOPE and not outside_only:
        return TaxCategory.EXEMPT
    return group.category


def _item(number: int, line: DocumentLine, outside_only: bool) -> Item:
    net, price, quantity = line.net.major, line.unit_price, line.quantity
    base = Decimal(1)
    if Money.from_major(1, line.net.currency).scaled(price * quantity) != line.net and quantity:
        price, base = (net if quantity > 0 else -net), abs(quantity)
    if price < 0:
        price, quantity = -price, -quantity
    return Item(
        number=str(number),
        line=line,
        quantity=quantity,
        price=price,
        base_quantity=base,
        net=net,
        category=_category(line.group, outside_only),
        rate=line.group.rate,
    )


def _breakdowns(
    totals: Iterable[GroupTotal], language: Language, outside_only: bool
) -> list[Breakdown]:
    breakdowns: dict[tuple[TaxCategory, Decimal], Breakdown] = {}
    for total in totals:
        category = _category(total.group, outside_only)
        zero = Money.zero(total.net.currency)
        breakdown = breakdowns.setdefault(
            (category, total.group.rate), Breakdown(category, total.group.rate, zero, zero)
        )
        breakdown.net += total.net
        breakdown.tax += total.tax
        reason = labels.reason(total.group, language)
        if reason and category != TaxCategory.ZERO:  # BR-Z-10
            breakdown.reasons[reason] = None
    return list(breakdowns.values())


def _tax_notes(data: DocumentData, language: Language) -> list[str]:
    """Return the taxes of groups that have several, which a breakdown cannot tell apart."""
    notes = []
    for total in data.totals:
        if len(total.group.taxes) > 1:
            taxes = zip(total.group.taxes, total.taxes, strict=True)
            notes += [
                f"{tax.name} {formats.percent(tax.rate, language.locale)}:"
                f" {formats.money(money, language.locale)}"
                for tax, money in taxes
            ]
    return notes


def _identified(party: Party, outside_only: bool) -> Identified:
    vat_number = re.sub(r"[\s.-]", "", party.vat_number).upper()
    tax_number, registration = party.tax_number, party.registration
    if outside_only or not _is_identifier(vat_number, party.country):
        tax_number = tax_number or vat_number
        registration = registration or vat_number or tax_number
        vat_number = ""
        tax_number = tax_number or registration  # BR-E-02
    scheme, _colon, identifier = party.endpoint.partition(":")
    endpoint = (scheme, identifier) if identifier else ("EM", party.email)
    return Identified(
        replace(party, country=COUNTRY_CODES.get(party.country, party.country)),
        vat_number,
        tax_number,
        registration,
        endpoint if endpoint[1] else None,
    )


def _is_identifier(vat_number: str, country: str) -> bool:
    has_prefix = bool(vat_prefix(vat_number, country))
    return has_prefix and _VAT_NUMBER.fullmatch(vat_number) is not None


def _as_buyer(identified: Identified) -> Identified:
    """Return a buyer whose tax number is its registration: buyers have no element for it."""
    registration = identified.registration or identified.tax_number
    return replace(identified, tax_number="", registration=registration)
