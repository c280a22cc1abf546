"""What the ledger must say: a row for each document, payment, allocation and write-off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.ledger import Account
from puqpanel.models import (
    Allocation,
    Debit,
    Document,
    LedgerEntry,
    Payment,
    Posting,
    PrepaidTotal,
    Refund,
)
from puqpanel.operations.billing.book_problems import DOCUMENT_NAME, ISSUED, TOTAL
from puqpanel.operations.billing.payments import SUCCEEDED

_ZERO = sa.literal(0, sa.BigInteger)
_ANY = sa.cast(sa.null(), sa.BigInteger)
"""The sum of an account that is not checked, because it depends on other rows too."""


def facts() -> sa.Subquery:
    """Return the postings that must exist: key, client, company, day and the sum of each account.

    NULL is the day of a posting that has none of its own, the name of a payment, and the sum of an
    account that is not checked here.
    """
    net, tax = Document.net_minor, Document.tax_minor
    taken_back = _taken_back()
    written_off = Document.written_off_minor + sa.func.coalesce(taken_back.c.minor, 0)
    paid = Allocation.minor
    invoices = _fact(
        key("invoice", Document.uuid),
        {Account.RECEIVABLE: TOTAL, Account.INCOME: -net, Account.TAX: -tax},
        day=Document.issued_on,
    ).where(ISSUED, Document.kind == DocumentKind.INVOICE)
    credit_notes = _fact(
        key("credit_note", Document.uuid),
        {
            Account.INCOME: net,
            Account.TAX: tax,
            **dict.fromkeys((Account.RECEIVABLE, Account.WRITE_OFF, Account.CREDIT), _ANY),
        },
        day=Document.issued_on,
    ).where(ISSUED, Document.kind == DocumentKind.CREDIT_NOTE)
    write_offs = (
        _fact(
            key("write_off", Document.uuid),
            {Account.WRITE_OFF: written_off, Account.RECEIVABLE: -written_off},
        )
        .outerjoin(taken_back, taken_back.c.corrects_id == Document.id)
        .where(written_off != 0)
    )
    allocations = (
        _fact(
            key("allocation", sa.cast(Allocation.id, sa.String)),
            {Account.CREDIT: paid, Account.RECEIVABLE: -paid},
        )
        .join(Allocation, Allocation.document_id == Document.id)
        .where(Document.kind == DocumentKind.INVOICE)
    )
    payments = _fact(
        key("payment", Payment.gateway, Payment.outside_id),
        {Account.CLEARING: Payment.minor, Account.CREDIT: -Payment.minor},
        of=Payment,
        name=sa.cast(sa.null(), sa.String),
        day=Payment.received_on,
    ).where(Payment.status == SUCCEEDED)
    fees = _fact(
        key("fee", Payment.uuid),
        {Account.FEES: Payment.fee_minor, Account.CLEARING: -Payment.fee_minor},
        of=Payment,
        name=sa.cast(sa.null(), sa.String),
    ).where(Payment.status == SUCCEEDED, Payment.fee_minor > 0)
    parts = (invoices, credit_notes, write_offs, allocations, payments, fees)
    return sa.union_all(*parts, *_refunds(), *_prepaid()).subquery()


def _prepaid() -> list[sa.Select[Any]]:
    """Return the postings of the debits of prepaid services, and of their statements."""
    taken = (
        sa.select(
            Debit.posting_id,
            PrepaidTotal.client_id,
            PrepaidTotal.company_id,
            PrepaidTotal.currency,
            sa.func.sum(Debit.debited_minor).label("minor"),
        )
        .join(PrepaidTotal, PrepaidTotal.id == Debit.total_id)
        .where(Debit.posting_id.is_not(None))
        .group_by(
            *(Debit.posting_id, PrepaidTotal.client_id),
            *(PrepaidTotal.company_id, PrepaidTotal.currency),
        )
        .subquery()
    )
    sums: dict[Account, Any] = {Account.CREDIT: taken.c.minor, Account.PREPAID: -taken.c.minor}
    debits = sa.select(
        Posting.key,
        sa.literal("prepaid services").label("name"),
        *(taken.c.client_id, taken.c.company_id, taken.c.currency),
        sa.cast(sa.null(), sa.Date).label("day"),
        *(sums.get(account, _ZERO).label(account) for account in Account),
    ).join(taken, taken.c.posting_id == Posting.id)
    listed = sa.exists().where(PrepaidTotal.document_id == Document.id)
    statements = _fact(
        key("statement", Document.uuid),
        {Account.PREPAID: TOTAL, Account.CREDIT: -TOTAL},
        day=Document.issued_on,
    ).where(listed)
    return [debits, statements]


def _refunds() -> list[sa.Select[Any]]:
    """Return the postings of refunds and disputes, and of those that failed."""
    taken = {Account.CREDIT: Refund.minor, Account.CLEARING: -Refund.minor}
    returned = {account: -minor for account, minor in taken.items()}
    rows: tuple[tuple[str, dict[Account, Any], Any, bool], ...] = (
        ("refund", taken, Refund.day, False),
        ("refund_failed", returned, None, True),
    )
    return [
        _fact(
            key(prefix, Refund.uuid),
            sums,
            of=Payment,
            name=sa.cast(sa.null(), sa.String),
            day=day,
        )
        .join(Refund, Refund.payment_id == Payment.id)
        .where(Refund.minor != 0, Refund.status == "failed" if only_failed else sa.true())
        for prefix, sums, day, only_failed in rows
    ]


def key(prefix: str, *columns: Any) -> sa.ColumnElement[Any]:
    """Return the key of the posting of a row."""
    key: sa.ColumnElement[Any] = sa.literal(prefix)
    for column in columns:
        key = key + ":" + column
    return key


def sums_by_posting() -> sa.Subquery:
    """Return the sum of each account of each posting."""
    sums = [
        sa.func.sum(sa.case((LedgerEntry.account == account, LedgerEntry.minor), else_=0)).label(
            account
        )
        for account in Account
    ]
    return sa.select(LedgerEntry.posting_id, *sums).group_by(LedgerEntry.posting_id).subquery()


def _fact(
    key: sa.ColumnElement[Any],
    sums: Mapping[Account, Any],
    *,
    of: type[Document | Payment] = Document,
    name: sa.ColumnElement[Any] = DOCUMENT_NAME,
    day: Any = None,
) -> sa.Select[Any]:
    accounts = {**dict.fromkeys(Account, _ZERO), **sums}
    return sa.select(
        key.label("key"),
        name.label("name"),
        of.client_id,
        of.company_id,
        of.currency,
        (sa.cast(sa.null(), sa.Date) if day is None else day).label("day"),
        *(each.label(account) for account, each in accounts.items()),
    ).select_from(of)


def _taken_back() -> sa.Subquery:
    """Return what credit notes took back of the write-off of each invoice."""
    return (
        sa.select(Document.corrects_id, (-sa.func.sum(LedgerEntry.minor)).label("minor"))
        .join(Posting, Posting.key == key("credit_note", Document.uuid))
        .join(LedgerEntry, LedgerEntry.posting_id == Posting.id)
        .where(LedgerEntry.account == Account.WRITE_OFF)
        .group_by(Document.corrects_id)
        .subquery()
    )
