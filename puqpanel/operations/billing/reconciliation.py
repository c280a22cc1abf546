"""What each gateway received and paid back by month, and the balance of its clearing account.

Payments, fees, refunds and disputes are read from the ledger. The balance is what the provider
owes: payments less fees, refunds, disputes and payouts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa

from puqpanel.domain.ledger import Account
from puqpanel.domain.money import Money
from puqpanel.infra.db import session
from puqpanel.models import Company, LedgerEntry, Payout, Posting, Refund
from puqpanel.operations.billing.payouts import COUNTED

Key = tuple[str, int, str]
"""Gateway, id of the company, and currency."""
_PREFIXES = ("refund:.", "refund_failed:.")
_FIRST_YEAR = 2000


@dataclass(frozen=True, slots=True)
class Month:
    """What moved on the clearing account of a gateway in a month.

    Args:
        gateway: UUID of the gateway; empty for payments that staff recorded.
        company: who was paid.
        month: its first day.
        received: payments.
        fees: what the gateway kept.
        refunds: what was paid back; refunds that failed are subtracted.
        disputes: what payers withdrew; disputes that were won are subtracted.
        payouts: what the provider sent to the company's bank account.
        balance: of the account at the end of the month.
    """

    gateway: str
    company: Company
    month: date
    received: Money
    fees: Money
    refunds: Money
    disputes: Money
    payouts: Money
    balance: Money


@dataclass(slots=True)
class _Sums:
    """Sums of an account in a month, in minor units."""

    received: int = 0
    fees: int = 0
    refunds: int = 0
    disputes: int = 0
    payouts: int = 0
    change: int = 0


@dataclass(slots=True)
class _AccountSums:
    """The balance of an account before the year, and its sums by month."""

    before: int = 0
    months: dict[int, _Sums] = field(default_factory=lambda: defaultdict(_Sums))


def years() -> list[int]:
    """Return the years that have postings or payouts, the latest first."""
    days = [
        day
        for column in (Posting.day, Payout.paid_on)
        for day in session().execute(sa.select(sa.func.min(column), sa.func.max(column))).one()
        if day is not None
    ]
    if not days:
        return []
    return list(range(max(days).year, max(min(days).year, _FIRST_YEAR) - 1, -1))


def months(year: int) -> list[Month]:
    """Return the months of a year in which money moved, by gateway, company and currency."""
    start, end = date(year, 1, 1), date(year + 1, 1, 1)
    accounts: dict[Key, _AccountSums] = defaultdict(_AccountSums)
    for row in session().execute(_before(start)):
        accounts[row.gateway, row.company_id, row.currency].before = int(row.minor)
    for row in session().execute(_moved(start, end)):
        sums = accounts[row.gateway, row.company_id, row.currency].months[row.day.month]
        minor = int(row.minor)
        sums.change += minor
        if row.kind == "received":
            sums.received += minor
        elif row.kind == "fees":
            sums.fees -= minor
        elif row.kind == "disputes":
            sums.disputes -= minor
        else:
            sums.refunds -= minor
    for row in session().execute(_paid_out(end)):
        account, minor = accounts[row.gateway, row.company_id, row.currency], int(row.minor)
        if row.paid_on < start:
            account.before -= minor
            continue
        sums = account.months[row.paid_on.month]
        sums.payouts += minor
        sums.change -= minor
    companies = {row.id: row for row in session().scalars(sa.select(Company))}
    return [
        each
        for key, account in sorted(accounts.items())
        for each in _of_account(key, account, companies[key[1]], year)
    ]


def _of_account(key: Key, account: _AccountSums, company: Company, year: int) -> Sequence[Month]:
    gateway, _company_id, currency = key
    balance, found = account.before, []
    for month, sums in sorted(account.months.items()):
        balance += sums.change
        found.append(
            Month(
                gateway,
                company,
                date(year, month, 1),
                Money(sums.received, currency),
                Money(sums.fees, currency),
                Money(sums.refunds, currency),
                Money(sums.disputes, currency),
                Money(sums.payouts, currency),
                Money(balance, currency),
            )
        )
    return found


def _entries() -> sa.Select[*tuple[object, ...]]:
    return (
        sa.select()
        .select_from(LedgerEntry)
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .where(LedgerEntry.account == Account.CLEARING)
    )


def _before(day: date) -> sa.Select[*tuple[object, ...]]:
    """Select the balance of each account before a day."""
    keys = (LedgerEntry.gateway, Posting.company_id, LedgerEntry.currency)
    total = sa.func.sum(LedgerEntry.minor).label("minor")
    return _entries().add_columns(*keys, total).where(Posting.day < day).group_by(*keys)


def _paid_out(end: date) -> sa.Select[*tuple[object, ...]]:
    """Select the payouts of each account by day, before a day."""
    keys = (Payout.gateway, Payout.company_id, Payout.currency, Payout.paid_on)
    query = sa.select(*keys, sa.func.sum(Payout.minor).label("minor"))
    return query.where(Payout.paid_on < end, Payout.status.in_(COUNTED)).group_by(*keys)


def _moved(start: date, end: date) -> sa.Select[*tuple[object, ...]]:
    """Select the sums of each account by day and kind."""
    disputed = sa.exists().where(
        Refund.kind == "dispute",
        # the key of a posting is `refund:` or `refund_failed:` and the UUID of the refund
        Refund.uuid.in_([sa.func.substr(Posting.key, len(word)) for word in _PREFIXES]),
    )
    kind = sa.case(
        (Posting.key.startswith("payment:"), "received"),
        (Posting.key.startswith("fee:"), "fees"),
        (sa.and_(Posting.key.startswith("refund"), disputed), "disputes"),
        else_="refunds",
    )
    rows = (
        _entries()
        .add_columns(
            LedgerEntry.gateway,
            Posting.company_id,
            LedgerEntry.currency,
            LedgerEntry.minor,
            Posting.day,
            kind.label("kind"),
        )
        .where(Posting.day >= start, Posting.day < end)
        .subquery()
    )
    keys = (rows.c.gateway, rows.c.company_id, rows.c.currency, rows.c.day, rows.c.kind)
    return sa.select(*keys, sa.func.sum(rows.c.minor).label("minor")).group_by(*keys)
