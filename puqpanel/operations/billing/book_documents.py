"""Compare the amounts and states of documents with the ledger, and with each other."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from puqpanel.domain.document_states import OPEN, DocumentStatus
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.ledger import Account
from puqpanel.domain.texts import _
from puqpanel.infra.db import session
from puqpanel.models import Allocation, Document, LedgerEntry, Payment
from puqpanel.operations.billing.book_problems import (
    ISSUED,
    TOTAL,
    Problem,
    amount,
    of_documents,
    problem,
)
from puqpanel.operations.billing.documents import is_funds

IS_INVOICE = Document.kind == DocumentKind.INVOICE
SETTLED = Document.paid_minor + Document.credited_minor


def receivables() -> Iterator[Problem]:
    """Compare what is open on each invoice with the ledger; nothing is on other documents."""
    balance = (
        sa.select(LedgerEntry.document_id, sa.func.sum(LedgerEntry.minor).label("minor"))
        .where(LedgerEntry.account == Account.RECEIVABLE)
        .group_by(LedgerEntry.document_id)
        .subquery()
    )
    rest = sa.case(
        (sa.and_(IS_INVOICE, ISSUED), TOTAL - SETTLED - Document.written_off_minor), else_=0
    )
    posted = sa.func.coalesce(balance.c.minor, 0)
    query = (
        of_documents(Document.currency, rest, posted)
        .outerjoin(balance, balance.c.document_id == Document.id)
        .where(posted != rest)
    )
    for name, client, currency, due, ledger in session().execute(query):
        text = _(
            "Amount due is %(open)s, but the ledger has %(ledger)s.",
            open=amount(due, currency),
            ledger=amount(ledger, currency),
        )
        yield problem(name, client, text)


def allocations() -> Iterator[Problem]:
    """Compare what was paid on each invoice and proforma for funds with the allocations to it."""
    paid = (
        sa.select(Allocation.document_id, sa.func.sum(Allocation.minor).label("minor"))
        .group_by(Allocation.document_id)
        .subquery()
    )
    allocated = sa.func.coalesce(paid.c.minor, 0)
    query = (
        of_documents(Document.currency, Document.paid_minor, allocated)
        .outerjoin(paid, paid.c.document_id == Document.id)
        .where(sa.or_(IS_INVOICE, is_funds()), allocated != Document.paid_minor)
    )
    for name, client, currency, minor, by_payments in session().execute(query):
        text = _(
            "%(paid)s is paid on it, but %(allocated)s was allocated.",
            paid=amount(minor, currency),
            allocated=amount(by_payments, currency),
        )
        yield problem(name, client, text)


def payers() -> Iterator[Problem]:
    """Find documents that were paid by a payment of another client or currency.

    Earlier versions let a payment to one company pay documents of another.
    """
    query = (
        of_documents()
        .join(Allocation, Allocation.document_id == Document.id)
        .join(Payment, Payment.id == Allocation.payment_id)
        .where(
            sa.or_(
                Payment.client_id != Document.client_id,
                Payment.currency != Document.currency,
            )
        )
    )
    for name, client in session().execute(query):
        text = _("A payment of another client or currency was allocated to it.")
        yield problem(name, client, text)


def proformas() -> Iterator[Problem]:
    """Find proformas without the invoice that their payment made, or with another one."""
    invoice = aliased(Document)
    total = invoice.net_minor + invoice.tax_minor
    query = (
        of_documents()
        .outerjoin(invoice, invoice.origin_id == Document.id)
        .where(
            Document.kind == DocumentKind.PROFORMA,
            ~is_funds(),
            sa.or_(
                Document.paid_minor != sa.func.coalesce(total, 0),
                invoice.client_id != Document.client_id,
                invoice.company_id != Document.company_id,
                invoice.currency != Document.currency,
            ),
        )
    )
    for name, client in session().execute(query):
        yield problem(name, client, _("What was paid on it does not agree with its invoice."))


def statuses() -> Iterator[Problem]:
    """Find documents whose status contradicts what was paid, credited and written off.

    Earlier versions left an invoice “paid” that was paid and then credited in full.
    """
    note = aliased(Document)
    credited = (
        sa.select(note.corrects_id, sa.func.sum(note.net_minor + note.tax_minor).label("minor"))
        .where(note.sequence.is_not(None))
        .group_by(note.corrects_id)
        .subquery()
    )
    is_credited = credited.c.minor == TOTAL
    right = sa.case(
        (~ISSUED, DocumentStatus.DRAFT),
        (Document.kind == DocumentKind.CREDIT_NOTE, DocumentStatus.PAID),
        (Document.written_off_minor > 0, DocumentStatus.WRITTEN_OFF),
        (
            sa.and_(is_credited, Document.status != DocumentStatus.PAID),
            DocumentStatus.CREDITED,
        ),
        (SETTLED >= TOTAL, DocumentStatus.PAID),
        (SETTLED > 0, DocumentStatus.PARTLY_PAID),
        else_=DocumentStatus.ISSUED,
    )
    may_be_cancelled = sa.and_(Document.kind == DocumentKind.PROFORMA, right.in_(OPEN))
    query = (
        of_documents(Document.status, right)
        .outerjoin(credited, credited.c.corrects_id == Document.id)
        .where(
            Document.status != right,
            ~sa.and_(Document.status == DocumentStatus.CANCELLED, may_be_cancelled),
        )
    )
    for name, client, status, expected in session().execute(query):
        text = _(
            "Its status is “%(status)s”, but should be “%(expected)s”.",
            status=status,
            expected=expected,
        )
        yield problem(name, client, text)
