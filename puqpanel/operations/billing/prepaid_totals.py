"""The sums of debits by month and tax group, from which each debit takes the next part.

Tax is computed on the sum of a month, as on the statement that will list it. A debit takes what
that total grows by, so that all debits together are the total of the statement to the cent,
however small each one is.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.money import Money
from puqpanel.domain.tax import PriceEntry, Tax, TaxCategory, TaxGroup, group_total
from puqpanel.infra.db import save, session
from puqpanel.models import Client, Company, PrepaidTotal
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.tax_tables import TaxRates


class Totals:
    """The sums of a locked client at a company in a currency.

    Args:
        client: the client.
        company: the seller.
        currency: of the debits.
        rates: the tax rates of both countries.
    """

    def __init__(self, client: Client, company: Company, currency: str, rates: TaxRates) -> None:
        self.currency = currency
        self._client, self._company, self._rates = client, company, rates
        self._day = ledger.today(company)
        query = live().where(
            PrepaidTotal.client_id == client.id,
            PrepaidTotal.company_id == company.id,
            PrepaidTotal.currency == currency,
        )
        query = query.execution_options(populate_existing=True)
        self._rows = {(row.month, row.tax_key): row for row in session().scalars(query)}

    def add(self, tax_class: str, amount: Money, month: date) -> tuple[PrepaidTotal, Money]:
        """Add an amount, and return its sum and what is to be taken from credit, with tax.

        Raises:
            NoTaxRateError: tax must be charged, but there is no rate.
        """
        group = self._group(tax_class)
        tax, key = plain_group(group), _key(group, self._company.entry)
        row = self._rows.get((month, key))
        if row is None:
            row = self._rows[month, key] = save(
                PrepaidTotal(
                    client_id=self._client.id,
                    company_id=self._company.id,
                    currency=self.currency,
                    month=month,
                    entry=self._company.entry,
                    tax=tax,
                    tax_key=key,
                    amount_minor=0,
                    debited_minor=0,
                )
            )
        row.amount_minor += amount.minor
        before, row.debited_minor = row.debited_minor, gross(row, group).minor
        return row, Money(row.debited_minor - before, self.currency)

    def cost(self, tax_class: str, amount: Money, month: date) -> Money:
        """Return what an amount would take from credit, with tax.

        Raises:
            NoTaxRateError: tax must be charged, but there is no rate.
        """
        group = self._group(tax_class)
        row = self._rows.get((month, _key(group, self._company.entry)))
        earlier = Money(row.amount_minor if row else 0, self.currency)
        entry = PriceEntry(self._company.entry)
        after = group_total(group, earlier + amount, entry).gross
        return after - Money(row.debited_minor if row else 0, self.currency)

    def _group(self, tax_class: str) -> TaxGroup:
        return self._rates.group(self._company, self._client.tax_buyer, self._day, tax_class)


def live() -> sa.Select[PrepaidTotal]:
    """Select the sums that no statement lists yet."""
    return sa.select(PrepaidTotal).where(PrepaidTotal.live.is_(True))


def gross(row: PrepaidTotal, group: TaxGroup) -> Money:
    """Return the sum of a row with tax."""
    entered = Money(row.amount_minor, row.currency)
    return group_total(group, entered, PriceEntry(row.entry)).gross


def plain_group(group: TaxGroup) -> dict[str, Any]:
    """Return a tax group as plain values."""
    return {
        "category": group.category.value,
        "reason": group.reason,
        "country": group.country,
        "taxes": [
            {"name": tax.name, "rate": f"{tax.rate:f}", "compound": tax.compound}
            for tax in group.taxes
        ],
    }


def group_of(row: PrepaidTotal) -> TaxGroup:
    """Return the tax group of a row."""
    plain = row.tax
    taxes = (Tax(each["name"], Decimal(each["rate"]), each["compound"]) for each in plain["taxes"])
    return TaxGroup(TaxCategory(plain["category"]), tuple(taxes), plain["reason"], plain["country"])


def _key(group: TaxGroup, entry: str) -> str:
    text = json.dumps([plain_group(group), entry], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
