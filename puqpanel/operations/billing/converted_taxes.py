"""The tax of a document in the national currency of its company.

EU law requires it on documents in another currency (Article 230 of the VAT Directive). The exchange
rates are those that staff entered; a credit note has the rate of its invoice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Context, Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from puqpanel.domain.countries import national_currency
from puqpanel.domain.documents import ConvertedTax, DocumentKind
from puqpanel.domain.money import Money
from puqpanel.domain.tax_rules import EU
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Company, Currency, Document
from puqpanel.operations.billing.plain_documents import PlainDocument

_RATE = Context(prec=8)
"""Digits of a rate; the National Bank of Poland publishes five."""


def currency_of(company: Company, day: date) -> str:
    """Return the currency in which a company states its tax; empty if the law does not ask."""
    if company.country not in EU or not company.vat_registered:
        return ""
    return national_currency(company.country, day)


class Conversions:
    """Conversions of taxes by the exchange rates of now, which are read once, if at all."""

    def of(self, document: Document | PlainDocument, day: date) -> dict[str, Any] | None:
        """Return the converted tax of a document, as the document stores it.

        Args:
            document: with its taxes; a proforma states none, because it is not a tax document.
            day: of its issue.

        Returns:
            None if the document is in the national currency, or without an exchange rate.
        """
        to = currency_of(document.company, day)
        if document.kind == DocumentKind.PROFORMA or to in ("", document.currency):
            return None
        if document.corrects is not None:
            stored = document.corrects.converted_tax
            rate = (Decimal(stored["rate"]), stored["rate_on"]) if stored else None
        else:
            rate = self._rate(document.currency, to, day)
        if rate is None:
            return None
        earlier, stated_before = _credited(document)
        amount = converted(earlier + document.tax, rate[0], to)
        return {
            "minor": amount.minor - stated_before,
            "currency": to,
            "rate": format(rate[0], "f"),
            "rate_on": rate[1],
        }

    @cached_property
    def _currencies(self) -> Mapping[str, Currency]:
        return {row.code: row for row in session().scalars(sa.select(Currency))}

    def _rate(self, of: str, to: str, day: date) -> tuple[Decimal, str] | None:
        """Return what one unit of a currency is worth in another, and the day of the rate."""
        found = [self._currencies.get(code) for code in (of, to)]
        rates = [row.rate for row in found if row is not None and row.rate]
        if len(rates) != len(found):
            return None
        days = [row.rate_date for row in found if row is not None and row.rate_date]
        return _RATE.divide(rates[1], rates[0]).normalize(), min(days, default=day).isoformat()


def _credited(document: Document | PlainDocument) -> tuple[Money, int]:
    """Return the taxes of earlier credit notes for the same invoice, and what these state of them.

    A credit note states the converted tax of all credit notes so far, less what the earlier ones
    stated. So credit notes for a whole invoice sum to the tax that it states.
    """
    minor = stated_before = 0
    if document.corrects is not None:
        query = sa.select(Document.tax_minor, Document.converted_tax).where(
            Document.corrects_id == document.corrects.id, Document.number.is_not(None)
        )
        for tax_minor, stored in session().execute(query):
            minor += tax_minor
            stated_before += stored["minor"] if stored else 0
    return Money(minor, document.currency), stated_before


def converted(amount: Money, rate: Decimal, currency: str) -> Money:
    """Return an amount in another currency, rounded to its minor unit."""
    return Money.from_major(1, currency).scaled(Fraction(amount.major) * Fraction(rate))


def stated(stored: Mapping[str, Any] | None) -> ConvertedTax | None:
    """Return the converted tax that a document stores; None if it stores none."""
    if not stored:
        return None
    return ConvertedTax(
        Money(stored["minor"], stored["currency"]),
        Decimal(stored["rate"]),
        date.fromisoformat(stored["rate_on"]),
    )


def without_rate(companies: Iterable[Company], reader: Session) -> set[str]:
    """Return the currencies without the rates that state the tax in the companies' national ones.

    Args:
        companies: the companies.
        reader: for the query.
    """
    rows = {row.code: row for row in reader.scalars(sa.select(Currency))}
    rated = {code for code, row in rows.items() if row.rate}
    sold = {code for code, row in rows.items() if row.enabled}
    national = {currency_of(company, now().date()) for company in companies} - {""}
    needed = {code for one in national if sold - {one} for code in sold | {one}}
    return needed - rated
