"""Statistics of recurring revenue: by month, and what clients are worth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import sqlalchemy as sa

from puqpanel.domain.date_slots import between, starts
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.infra.db import session
from puqpanel.models import Service
from puqpanel.operations.oversight.kept import keep_if_many
from puqpanel.operations.oversight.statistics import percent

# today's suspended services do not count in any month: earlier suspensions are not recorded
_COUNTS = Service.status.in_((ServiceStatus.ACTIVE, ServiceStatus.TERMINATED))


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
                None if churn is None else percent(churn, 1),
                None if churn is None else _rounded_major(average / churn, currency),
            )
        )
    return sorted(rows, key=lambda row: (-row.clients, row.currency))


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


def _rounded(minor: Fraction, currency: str) -> Decimal:
    return Money(1, currency).scaled(minor).major


def _rounded_major(major: Fraction, currency: str) -> Decimal:
    return _rounded(major / Fraction(Money(1, currency).major), currency)
