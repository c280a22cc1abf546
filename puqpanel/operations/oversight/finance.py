"""Statistics of money: revenue, recurring revenue, taxes and receivables.

Revenue comes from the ledger, so that it always equals the books. Days are those of the postings
and documents, which are calendar days in the time zone of the company.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

import sqlalchemy as sa

from puqpanel.domain.date_slots import By, between, slot, starts
from puqpanel.domain.document_states import OPEN
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.ledger import Account
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.infra.db import session
from puqpanel.models import (
    Client,
    Company,
    Document,
    DocumentTax,
    LedgerEntry,
    Posting,
    Service,
)
from puqpanel.operations.oversight.kept import keep_if_many

AGES = (0, 30, 60, 90)
"""The days overdue at which a receivable moves to the next column."""
# today's suspended services do not count in any month: earlier suspensions are not recorded
_COUNTS = Service.status.in_((ServiceStatus.ACTIVE, ServiceStatus.TERMINATED))
_OPEN = (
    Document.net_minor
    + Document.tax_minor
    - Document.paid_minor
    - Document.credited_minor
    - Document.written_off_minor
)


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


class Recurring(NamedTuple):
    """Monthly recurring revenue (MRR) at the end of a month, and what was won and lost in it."""

    month: date
    currency: str
    amount: Decimal
    new: Decimal
    lost: Decimal


class Worth(NamedTuple):
    """What clients of a currency are worth.

    `recurring` is the revenue a month and `yearly` twelve times that, `client` the revenue a month
    of one client, `churn` the share of the revenue in percent that is lost each month, and
    `lifetime` what a client pays until that churn ends it. The last two are None while nothing was
    lost.
    """

    currency: str
    recurring: Decimal
    yearly: Decimal
    clients: int
    client: Decimal
    churn: Decimal | None
    lifetime: Decimal | None


class TaxTotal(NamedTuple):
    """The net amount and the tax of invoices less credit notes, for one rate and country.

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


@keep_if_many
def recurring_by_month(first: date, last: date) -> list[Recurring]:
    """Return the monthly recurring revenue of each month of a range, by currency. Three queries.

    Services count from their creation to their termination at their present price, because earlier
    prices are not recorded. Those that are pending, suspended, cancelled or fraudulent today do not
    count, so the last month has the present revenue.

    Args:
        first: a day of the first month.
        last: last day of the range.

    Raises:
        UserError: the range is invalid or longer than ten years.
    """
    begin, end = between(first.replace(day=1), last)
    before = sa.or_(Service.terminated_at.is_(None), Service.terminated_at >= begin)
    amounts: dict[str, Fraction] = defaultdict(Fraction)
    for currency, _month, amount in _recurring(None, Service.created_at < begin, before):
        amounts[currency] += amount
    new = _recurring(Service.created_at, *_within(Service.created_at, begin, end))
    lost = _recurring(Service.terminated_at, *_within(Service.terminated_at, begin, end))
    won_by, lost_by = _by_month(new), _by_month(lost)
    rows = []
    for currency in sorted({*amounts, *(code for code, _ in won_by), *(c for c, _ in lost_by)}):
        amount = amounts[currency]
        for month in starts(first, last, "month"):
            won, gone = won_by[currency, month], lost_by[currency, month]
            amount += won - gone
            values = (_rounded(value, currency) for value in (amount, won, gone))
            rows.append(Recurring(month, currency, *values))
    return rows


def worth(months: Iterable[Recurring]) -> list[Worth]:
    """Return what clients are worth, the currency with the most clients first. One query.

    Args:
        months: of `recurring_by_month`; the last month is the present one.
    """
    by_currency: dict[str, list[Recurring]] = defaultdict(list)
    for row in months:
        by_currency[row.currency].append(row)
    counts = _clients()
    rows = []
    for currency, found in by_currency.items():
        amount, clients = found[-1].amount, counts.get(currency, 0)
        if not clients:
            continue
        average = Fraction(amount) / clients
        started = sum((Fraction(row.amount - row.new + row.lost) for row in found), Fraction())
        lost = sum((Fraction(row.lost) for row in found), Fraction())
        churn = lost / started if started and lost else None
        rows.append(
            Worth(
                currency,
                amount,
                amount * 12,
                clients,
                _rounded_major(average, currency),
                None if churn is None else _percent(churn),
                None if churn is None else _rounded_major(average / churn, currency),
            )
        )
    return sorted(rows, key=lambda row: (-row.clients, row.currency))


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
    for company, country, category, taxes, currency, kind, net in session().execute(query):
        sign = -1 if kind == DocumentKind.CREDIT_NOTE else 1
        for tax in taxes or [{"name": "", "rate": "0", "minor": 0}]:
            key = (company, country or "", category, tax["name"], Decimal(tax["rate"]), currency)
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


def receivables(day: date) -> list[Receivable]:
    """Return what is open on invoices, by currency and by how long it is overdue. One query.

    Args:
        day: the day on which invoices due earlier are overdue.
    """
    query = sa.select(Document.currency, *_ages(day)).where(*_IS_OPEN).group_by(Document.currency)
    return [_receivable(row) for row in session().execute(query.order_by(Document.currency))]


def debtors(day: date, limit: int = 25) -> list[Receivable]:
    """Return the clients with the most that is overdue, by currency. One query.

    Args:
        day: the day on which invoices due earlier are overdue.
        limit: the maximum number of rows.
    """
    overdue = sa.func.sum(_OPEN)
    query = (
        sa.select(Document.currency, *_ages(day), Client.name, Client.uuid)
        .join(Client, Client.id == Document.client_id)
        .where(*_IS_OPEN, Document.due_on < day)
        .group_by(Document.currency, Client.id, Client.name, Client.uuid)
        .order_by(overdue.desc(), Client.name)
        .limit(limit)
    )
    return [_receivable(row) for row in session().execute(query)]


_IS_OPEN = (Document.kind == DocumentKind.INVOICE, Document.status.in_(OPEN))


def _ages(day: date) -> list[sa.ColumnElement[int]]:
    """Return the columns of what is not due, and of each age."""
    limits = [day - timedelta(days=age) for age in AGES]
    upper = [*limits, None]
    columns: list[sa.ColumnElement[int]] = [
        sa.func.sum(sa.case((Document.due_on >= day, _OPEN), else_=0))
    ]
    for newer, older in pairwise(upper):
        condition = Document.due_on < newer
        if older is not None:
            condition = sa.and_(condition, Document.due_on >= older)
        columns.append(sa.func.sum(sa.case((condition, _OPEN), else_=0)))
    return columns


def _receivable(row: Any) -> Receivable:
    currency = row[0]
    ages = (_major(minor, currency) for minor in row[1 : 2 + len(AGES)])
    client = row[2 + len(AGES) :] or ("", "")
    return Receivable._make((currency, *ages, *client))


def _within(column: Any, begin: datetime, end: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return column >= begin, column < end


def _recurring(column: Any, *where: Any) -> list[tuple[str, date | None, Fraction]]:
    """Return currency, month of a column and monthly revenue of the services of conditions."""
    day = sa.null() if column is None else sa.func.date(column, type_=sa.Date())
    keys = [Service.currency, Service.period] + ([] if column is None else [day])
    query = (
        sa.select(Service.currency, Service.period, sa.func.sum(Service.price_minor), day)
        .where(_COUNTS, *where)
        .group_by(*keys)
    )
    return [
        (
            currency,
            None if found is None else found.replace(day=1),
            int(total) * Period.of(period).per_month,
        )
        for currency, period, total, found in session().execute(query)
    ]


def _by_month(
    rows: Iterable[tuple[str, date | None, Fraction]],
) -> dict[tuple[str, date | None], Fraction]:
    sums: dict[tuple[str, date | None], Fraction] = defaultdict(Fraction)
    for currency, month, amount in rows:
        sums[currency, month] += amount
    return sums


def _clients() -> dict[str, int]:
    """Return the number of clients with active services, by currency."""
    query = (
        sa.select(Service.currency, sa.func.count(sa.distinct(Service.client_id)))
        .where(Service.status == ServiceStatus.ACTIVE)
        .group_by(Service.currency)
    )
    return dict(session().execute(query).all())


def _major(minor: int, currency: str) -> Decimal:
    return Money(int(minor), currency).major


def _rounded(minor: Fraction, currency: str) -> Decimal:
    return Money(1, currency).scaled(minor).major


def _rounded_major(major: Fraction, currency: str) -> Decimal:
    return _rounded(major / Fraction(Money(1, currency).major), currency)


def _percent(share: Fraction) -> Decimal:
    return Decimal(round(share * 1000)).scaleb(-1)
