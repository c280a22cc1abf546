"""What an issued document says: parties, lines, taxes and totals, and the digest that seals it.

An issued document never changes, so everything on it is a copy of what was true at issue. PDF, UBL
and Factur-X are made from this data alone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

from puqpanel.domain.money import Money
from puqpanel.domain.periods import Span
from puqpanel.domain.tax import GroupTotal, TaxGroup


class DocumentKind(StrEnum):
    """The kinds of documents; each company numbers each kind in a series of its own."""

    PROFORMA = "proforma"
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


FUNDS = "funds"
"""The kind of the line of a proforma whose payment becomes credit and pays no invoice."""


@dataclass(frozen=True, slots=True)
class Party:
    """A seller or buyer as a document shows it.

    Args:
        name: legal name.
        street: street and number, one or two lines.
        city: the city.
        postcode: postal code.
        region: state or province; empty where addresses have none.
        country: ISO 3166 alpha-2 code.
        vat_number: with the country prefix; empty if there is none.
        tax_number: the national tax number, if it differs from the VAT number.
        registration: entry in a register of companies.
        email: for questions about the document.
        phone: likewise.
        website: likewise.
        endpoint: its address in Peppol or another network, as scheme and identifier such as
            `0088:7300010000001`; empty for the e-mail address.
    """

    name: str
    street: str = ""
    city: str = ""
    postcode: str = ""
    region: str = ""
    country: str = ""
    vat_number: str = ""
    tax_number: str = ""
    registration: str = ""
    email: str = ""
    phone: str = ""
    website: str = ""
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An account for bank transfers; an empty `iban` means that there is none."""

    holder: str = ""
    iban: str = ""
    bic: str = ""
    bank: str = ""


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A line of a document.

    Args:
        description: what was sold, on one line.
        details: more about it, such as the name of the service.
        quantity: how many units.
        unit_price: of one unit in major units, without tax, with as many decimals as it needs.
        net: the amount without tax.
        group: how it is taxed.
        period: the days that the line pays for; None if it is not for a period.
    """

    description: str
    quantity: Decimal
    unit_price: Decimal
    net: Money
    group: TaxGroup
    details: str = ""
    period: Span | None = None


@dataclass(frozen=True, slots=True)
class ConvertedTax:
    """The tax in the seller's national currency, which Article 230 of the VAT Directive requires.

    Args:
        amount: all taxes.
        rate: of one unit of the document's currency.
        rate_on: the day of the rate.
        source: who published it, such as `NBP 250/A/NBP/2026`.
    """

    amount: Money
    rate: Decimal
    rate_on: date
    source: str = ""


@dataclass(frozen=True, slots=True)
class DocumentData:
    """A document as it was issued.

    Args:
        kind: what it is.
        number: its number in the series.
        currency: ISO 4217 code of all amounts.
        language: of its texts, such as `en`.
        issued_on: the day of issue, in the company's time zone.
        supplied_on: the day of supply.
        due_on: the last day for payment; None for credit notes and funds.
        seller: the company.
        buyer: the client.
        bank: where to pay by bank transfer.
        lines: in order.
        totals: net amount and taxes of each tax group.
        reference: the buyer's own, such as a purchase order.
        notes: paragraphs below the totals.
        corrects: number and day of the invoice that a credit note corrects.
        reason: why a credit note was issued.
        prepaid: what had been paid before issue, such as on the proforma; None for nothing.
        converted_tax: the tax in the seller's national currency; None if it is the same currency.
    """

    kind: DocumentKind
    number: str
    currency: str
    language: str
    issued_on: date
    supplied_on: date
    due_on: date | None
    seller: Party
    buyer: Party
    bank: BankAccount
    lines: tuple[DocumentLine, ...]
    totals: tuple[GroupTotal, ...]
    reference: str = ""
    notes: tuple[str, ...] = ()
    corrects: tuple[str, date] | None = None
    reason: str = ""
    prepaid: Money | None = None
    converted_tax: ConvertedTax | None = None

    @property
    def stated_tax(self) -> ConvertedTax | None:
        """The converted tax, if there is tax."""
        return self.converted_tax if self.converted_tax and self.converted_tax.amount else None

    @property
    def net(self) -> Money:
        """The sum without tax."""
        return Money.total((total.net for total in self.totals), self.currency)

    @property
    def tax(self) -> Money:
        """The sum of all taxes."""
        return Money.total((total.tax for total in self.totals), self.currency)

    @property
    def total(self) -> Money:
        """The sum with tax."""
        return self.net + self.tax


def canonical(data: DocumentData) -> str:
    """Return the content of a document as JSON with sorted keys, the same for the same content.

    Empty fields are left out, so that a field that a later version adds changes no earlier digest.
    """
    return _ENCODER.encode(_filled(data))


def digest(data: DocumentData, before: str) -> str:
    """Return the seal of a document: SHA-256 over its content and the seal before it.

    Args:
        data: the content.
        before: the digest of the document before it in the series; empty for the first.

    Returns:
        64 hexadecimal digits.
    """
    return hashlib.sha256(f"{before}\n{canonical(data)}".encode()).hexdigest()


def values_of(part: Party | BankAccount) -> dict[str, str]:
    """Return the fields of a party or an account, as a document stores them."""
    kind: Any = type(part)
    return {name: getattr(part, name) for name in _names(kind)}


@cache
def _names(kind: Any) -> tuple[str, ...]:
    """Return the names of the fields of a dataclass; none of another type."""
    return tuple(each.name for each in fields(kind)) if is_dataclass(kind) else ()


def _filled(value: Any) -> Any:
    """Return dataclasses as dictionaries, without empty fields; zero and False are not empty."""
    kind: Any = type(value)
    names = _names(kind)
    if names:
        filled = {}
        for name in names:
            part = getattr(value, name)
            if type(part) in _REPEATED:
                part = _filled_once(part)
            elif type(part) not in _PLAIN:
                part = _filled(part)
            if part or part == 0:
                filled[name] = part
        return filled
    if isinstance(value, list | tuple):
        return [_filled(part) for part in value]
    return value


@lru_cache(maxsize=256)
def _filled_once(value: Any) -> Any:
    """Return `_filled` of what many documents and lines have in common."""
    return _filled(value)


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical form")


_PLAIN = frozenset((str, int, bool, Decimal, date, type(None)))
_REPEATED = frozenset((Party, BankAccount, TaxGroup))
_ENCODER = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain
)
