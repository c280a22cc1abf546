"""Statistics of documents and payments: revenue, taxes and receivables.

Revenue comes from the ledger, so that it always equals the books. Days are those of the postings
and documents, which are calendar days in the time zone of the company.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

import sqlalchemy as sa

from puqpanel.domain.date_slots import By, between, slot, starts
from puqpanel.domain.document_states import OPEN
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.ledger import Account
from puqpanel.domain.money import Money
from puqpanel.infra.db import session
from puqpanel.models import (
    Client,
    Company,
    Document,
    DocumentTax,
    LedgerEntry,
    Posting,
)
from puqpanel.operations.billing.documents import OPEN_MINOR
from puqpanel.operations.billing.overdue import todays
from puqpanel.operations.oversight.kept import keep_if_many

AGES = (0, 30, 60, 90)
"""The days overdue at which a receivable moves to the next column."""


class Revenue(NamedTuple):
    """What was invoiced and received in the day, week or month that begins on `start`.

    `invoiced` is the net amount of invoices less that of credit notes, `tax` their taxes,
    `received` the payments less refunds, and `written_off` what will never be paid.
    """

    start: date
    currency: str
    invoiced: Decimal
    tax: Decimal
    received: Decimal
    written_off: Decimal


class TaxTotal(NamedTuple):
    """The net amount and the tax of invoices less credit notes, for one rate and country.

    `country` is the one whose tax is charged: the seller's, or the buyer's at the One-Stop Shop. It
    is the buyer's where no tax is charged, and for documents from before taxes had a country.
    `category` is the code of EN 16931, such as S for the standard rate and AE for reverse charge.
    """

    company: str
    country: str
    category: str
    name: str
    rate: Decimal
    currency: str
    net: Decimal
    tax: Decimal
    documents: int


class Receivable(NamedTuple):
    """What is open on invoices, by how long it is overdue; of one client if `client` is set."""

    currency: str
    not_due: Decimal
    to_30: Decimal
    to_60: Decimal
    to_90: Decimal
    over_90: Decimal
    client: str = ""
    client_uuid: str = ""

    @property
    def overdue(self) -> Decimal:
        """The sum of all that is overdue."""
        return self.to_30 + self.to_60 + self.to_90 + self.over_90

    @property
    def total(self) -> Decimal:
        """The sum of all that is open."""
        return self.not_due + self.overdue


_ACCOUNTS = (Account.INCOME, Account.TAX, Account.CLEARING, Account.WRITE_OFF)


@keep_if_many
def revenue(first: date, last: date, by: By = "day") -> list[Revenue]:
    """Return revenue by currency for each day, week or month of a range. One query.

    Args:
        first: first day of the range.
        last: last day of the range.
        by: length of a slot. Weeks begin on Monday; slots are cut off at the ends of the range.

    Returns:
        One row for each slot and currency that has entries in the range, ordered by currency.

    Raises:
        UserError: the range is invalid or longer than ten years.
    """
    between(first, last)
    query = (
        sa.select(
            Posting.day, LedgerEntry.currency, LedgerEntry.account, sa.func.sum(LedgerEntry.minor)
        )
        .join(LedgerEntry, LedgerEntry.posting_id == Posting.id)
        .where(Posting.day >= first, Posting.day <= last, LedgerEntry.account.in_(_ACCOUNTS))
        .group_by(Posting.day, LedgerEntry.currency, LedgerEntry.account)
    )
    sums: dict[tuple[str, date], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for day, currency, account, minor in session().execute(query):
        sums[currency, slot(day, by)][account] += int(minor)
    rows = []
    for currency in sorted({code for code, _ in sums}):
        for start in starts(first, last, by):
            found = sums.get((currency, start), {})
            income, tax, clearing, written_off = (
                _major(found.get(account, 0), currency) for account in _ACCOUNTS
            )
            rows.append(Revenue(start, currency, 0 - income, 0 - tax, clearing, written_off))
    return rows


def tax_totals(first: date, last: date) -> list[TaxTotal]:
    """Return the taxes of the documents that were issued in a range. One query, read row by row.

    A document with two rates counts in both rows, and one with two taxes on the same amount has its
    net amount in both.

    Args:
        first: first day of the range.
        last: last day of the range.

    Raises:
        UserError: the range is invalid or longer than ten years.
    """
    between(first, last)
    query = (
        sa.select(
            Company.name,
            DocumentTax.country,
            Document.buyer["country"].as_string(),
            DocumentTax.category,
            DocumentTax.taxes,
            Document.currency,
            Document.kind,
            DocumentTax.net_minor,
        )
        .join(Document, Document.id == DocumentTax.document_id)
        .join(Company, Company.id == Document.company_id)
        .where(
            Document.issued_on >= first,
            Document.issued_on <= last,
            Document.kind.in_((DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE)),
        )
        .execution_options(yield_per=2000)
    )
    sums: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for company, taxed_in, buyer, category, taxes, currency, kind, net in session().execute(query):
        sign = -1 if kind == DocumentKind.CREDIT_NOTE else 1
        for tax in taxes or [{"name": "", "rate": "0", "minor": 0}]:
            country = taxed_in or buyer or ""
            key = (company, country, category, tax["name"], Decimal(tax["rate"]), currency)
            found = sums[key]
            found[0] += sign * net
            found[1] += sign * int(tax["minor"])
            found[2] += 1
    rows = []
    for key, (net, minor, number) in sorted(sums.items()):
        currency = key[-1]
        values = (*key, _major(net, currency), _major(minor, currency), number)
        rows.append(TaxTotal._make(values))
    return rows


def receivables(day: date | None = None) -> list[Receivable]:
    """Return what is open on invoices, by currency and by how long it is overdue.

    Args:
        day: the day on which invoices due earlier are overdue; the current day in the time zone of
            each company unless given.
    """
    query = sa.select(Document.currency, *_ages(day)).where(*_IS_OPEN).group_by(Document.currency)
    return [_receivable(row) for row in session().execute(query.order_by(Document.currency))]


def debtors(day: date | None = None, limit: int = 25) -> list[Receivable]:
    """Return the clients with the most that is overdue, by currency.

    Args:
        day: as for `receivables`.
        limit: the maximum number of rows.
    """
    overdue = sa.func.sum(OPEN_MINOR)
    query = (
        sa.select(Document.currency, *_ages(day), Client.name, Client.uuid)
        .join(Client, Client.id == Document.client_id)
        .where(*_IS_OPEN, Document.due_on < (todays() if day is None else day))
        .group_by(Document.currency, Client.id, Client.name, Client.uuid)
        .order_by(overdue.desc(), Client.name)
        .limit(limit)
    )
    return [_receivable(row) for row in session().execute(query)]


_IS_OPEN = (Document.kind == DocumentKind.INVOICE, Document.status.in_(OPEN))


def _ages(day: date | None) -> list[sa.ColumnElement[int]]:
    """Return the columns of what is not due, and of each age."""
    limits = [todays(age) if day is None else day - timedelta(days=age) for age in AGES]
    upper = [*limits, None]
    columns: list[sa.ColumnElement[int]] = [
        sa.func.sum(sa.case((Document.due_on >= limits[0], OPEN_MINOR), else_=0))
    ]
    for newer, older in pairwise(upper):
        condition = Document.due_on < newer
        if older is not None:
            condition = sa.and_(condition, Document.due_on >= older)
        columns.append(sa.func.sum(sa.case((condition, OPEN_MINOR), else_=0)))
    return columns


def _receivable(row: Any) -> Receivable:
    currency = row[0]
    ages = (_major(minor, currency) for minor in row[1 : 2 + len(AGES)])
    client = row[2 + len(AGES) :] or ("", "")
    return Receivable._make((currency, *ages, *client))


def _major(minor: int, currency: str) -> Decimal:
    return Money(int(minor), currency).major
