"""Check the books: `puqpanel books check` and `puqpanel books verify`, and the page Health.

`verify` proves that no issued document was altered, removed or inserted; `check` that the ledger,
the documents and the credit of clients agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from puqpanel.domain.document_states import DocumentStatus
from puqpanel.domain.documents import DocumentKind, digest
from puqpanel.domain.ledger import Account
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import session
from puqpanel.models import (
    Allocation,
    Charge,
    Client,
    Company,
    Document,
    DocumentLineRow,
    LedgerEntry,
    Payment,
    Posting,
    Series,
)
from puqpanel.operations.billing.contents import content
from puqpanel.operations.billing.funds import is_funds

CHUNK = 500
"""Documents that are read at once."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not agree.

    Args:
        subject: what it is about, such as the number of a document.
        text: what is wrong.
    """

    subject: str
    text: Text


@dataclass(frozen=True, slots=True)
class Step:
    """Progress of a check.

    Args:
        done: how many rows were read since the last step.
        problems: what was found in them.
    """

    done: int
    problems: tuple[Problem, ...] = ()


def verify() -> Iterator[Step]:
    """Recompute the digest of every issued document, in the order of each series."""
    yield Step(0, tuple(_outside_series()))
    for key in session().scalars(sa.select(Series.id).order_by(Series.id)).all():
        yield from _verify_series(key)


def _outside_series() -> Iterator[Problem]:
    """Find documents that count as issued but are in no series."""
    query = (
        sa.select(Document.number, Document.uuid)
        .outerjoin(
            Series, sa.and_(Series.company_id == Document.company_id, Series.kind == Document.kind)
        )
        .where(
            Document.status != DocumentStatus.DRAFT,
            sa.or_(Document.sequence.is_(None), Series.id.is_(None)),
        )
    )
    for number, uuid in session().execute(query):
        yield Problem(number or uuid, _("It does not belong to a number series."))


def documents_to_verify() -> int:
    """Return how many documents `verify` reads."""
    query = sa.select(sa.func.count()).where(Document.status != DocumentStatus.DRAFT)
    return session().scalar(query) or 0


def _verify_series(key: int) -> Iterator[Step]:
    before, sequence = "", 0
    series = _series(key)
    while True:
        documents = _chunk(series, sequence)
        if not documents:
            series = _series(key)
            if series.sequence == sequence:
                break
            documents = _chunk(series, sequence)  # issued since the chunk was read
            if not documents:
                break
        problems: list[Problem] = []
        for document in documents:
            problems += _verify_document(document, before, sequence)
            before, sequence = document.digest, document.sequence or 0
        yield Step(len(documents), tuple(problems))
        session().expunge_all()
    if (before, sequence) != (series.digest, series.sequence):
        company = session().get_one(Company, series.company_id)
        name = f"{company.name}, {series.kind}"
        text = _("The last document of the series is missing, or was changed.")
        yield Step(0, (Problem(name, text),))


def _series(key: int) -> Series:
    return session().get_one(Series, key, populate_existing=True)


def _chunk(series: Series, sequence: int) -> list[Document]:
    """Return the next documents of a series after one."""
    query = (
        sa.select(Document)
        .where(
            Document.company_id == series.company_id,
            Document.kind == series.kind,
            Document.sequence > sequence,
        )
        .order_by(Document.sequence)
        .options(selectinload(Document.lines), selectinload(Document.taxes))
    )
    return list(session().scalars(query.limit(CHUNK)))


def _verify_document(document: Document, before: str, sequence: int) -> Iterator[Problem]:
    name = document.number or document.uuid
    if document.before != before:
        yield Problem(name, _("The preceding document was removed, altered or inserted."))
    if document.sequence != sequence + 1:
        yield Problem(name, _("The preceding document is missing."))
    try:
        now = digest(content(document), document.before)
    except Exception:
        yield Problem(name, _("Its content cannot be read."))
        return
    if now != document.digest:
        yield Problem(name, _("Its content was changed after it was issued."))
    lines = sum(row.net_minor for row in document.lines)
    taxes = sum(tax["minor"] for row in document.taxes for tax in row.taxes)
    if (lines, taxes) != (document.net_minor, document.tax_minor):
        yield Problem(name, _("Its lines and taxes do not sum to its total."))


def check() -> Iterator[Step]:
    """Check that every posting balances and that documents agree with the ledger."""
    for part in _CHECKS:
        yield Step(1, tuple(part()))


def _postings() -> Iterator[Problem]:
    query = (
        sa.select(Posting.key, LedgerEntry.currency, sa.func.sum(LedgerEntry.minor))
        .join(LedgerEntry, LedgerEntry.posting_id == Posting.id)
        .group_by(Posting.id, Posting.key, LedgerEntry.currency)
        .having(sa.func.sum(LedgerEntry.minor) != 0)
    )
    for key, currency, minor in session().execute(query):
        text = _(
            "Its entries do not sum to zero: %(minor)s in %(currency)s.",
            minor=int(minor),
            currency=currency,
        )
        yield Problem(key, text)


def _receivables() -> Iterator[Problem]:
    """Compare what is open on each invoice with the ledger."""
    balance = (
        sa.select(LedgerEntry.document_id, sa.func.sum(LedgerEntry.minor).label("minor"))
        .where(LedgerEntry.account == Account.RECEIVABLE)
        .group_by(LedgerEntry.document_id)
        .subquery()
    )
    settled = Document.paid_minor + Document.credited_minor + Document.written_off_minor
    rest = Document.net_minor + Document.tax_minor - settled
    query = (
        sa.select(Document.number, rest, balance.c.minor)
        .outerjoin(balance, balance.c.document_id == Document.id)
        .where(
            Document.kind == DocumentKind.INVOICE,
            Document.status != DocumentStatus.DRAFT,
            sa.func.coalesce(balance.c.minor, 0) != rest,
        )
    )
    for number, open_minor, minor in session().execute(query):
        text = _(
            "Amount due is %(open)s, but the ledger has %(ledger)s (in minor units).",
            open=int(open_minor),
            ledger=int(minor or 0),
        )
        yield Problem(number or "", text)


def _allocations() -> Iterator[Problem]:
    """Compare what was paid on each invoice and proforma for funds with the allocations to it."""
    paid = (
        sa.select(Allocation.document_id, sa.func.sum(Allocation.minor).label("minor"))
        .group_by(Allocation.document_id)
        .subquery()
    )
    query = (
        sa.select(Document.number, Document.paid_minor, paid.c.minor)
        .outerjoin(paid, paid.c.document_id == Document.id)
        .where(
            sa.or_(Document.kind == DocumentKind.INVOICE, is_funds()),
            sa.func.coalesce(paid.c.minor, 0) != Document.paid_minor,
        )
    )
    for number, minor, allocated in session().execute(query):
        text = _(
            "%(paid)s is paid on it, but %(allocated)s was allocated (in minor units).",
            paid=int(minor),
            allocated=int(allocated or 0),
        )
        yield Problem(number or "", text)


def _open_documents() -> Iterator[Problem]:
    """Find invoices and proformas for funds whose status contradicts what was paid."""
    settled = Document.paid_minor + Document.credited_minor
    total = Document.net_minor + Document.tax_minor
    is_paid = settled >= total
    query = sa.select(Document.number, Document.status).where(
        sa.or_(Document.kind == DocumentKind.INVOICE, is_funds()),
        sa.or_(
            sa.and_(Document.status.in_((DocumentStatus.PAID, DocumentStatus.CREDITED)), ~is_paid),
            sa.and_(
                Document.status.in_((DocumentStatus.ISSUED, DocumentStatus.PARTLY_PAID)), is_paid
            ),
        ),
    )
    for number, status in session().execute(query):
        text = _("Its status “%(status)s” contradicts what was paid.", status=status)
        yield Problem(number or "", text)


def _charges() -> Iterator[Problem]:
    """Find charges of documents that are not issued."""
    query = (
        sa.select(Charge.id)
        .join(Document, Document.id == Charge.document_id)
        .where(Document.status == DocumentStatus.DRAFT)
    )
    for key in session().scalars(query):
        yield Problem(f"charge {key}", _("A charge belongs to a document that is still a draft."))


def _payments() -> Iterator[Problem]:
    """Find payments that were not posted."""
    key = sa.literal("payment:") + Payment.gateway + ":" + Payment.outside_id
    query = (
        sa.select(Payment.uuid)
        .outerjoin(Posting, Posting.key == key)
        .outerjoin(
            LedgerEntry,
            sa.and_(
                LedgerEntry.posting_id == Posting.id,
                LedgerEntry.account == Account.CLEARING,
                LedgerEntry.minor == Payment.minor,
            ),
        )
        .where(Payment.status == "succeeded", LedgerEntry.id.is_(None))
    )
    for uuid in session().scalars(query):
        yield Problem(f"payment {uuid}", _("It was not posted to the ledger."))


def _periods() -> Iterator[Problem]:
    """Find lines of invoices that pay for a service, without a charge that claims the period."""
    claims = sa.and_(
        Charge.document_id == Document.id,
        Charge.service_id == DocumentLineRow.service_id,
        Charge.kind == DocumentLineRow.kind,
    )
    query = (
        sa.select(Document.number, DocumentLineRow.description)
        .join(DocumentLineRow, DocumentLineRow.document_id == Document.id)
        .outerjoin(Charge, claims)
        .where(
            Document.kind == DocumentKind.INVOICE,
            Document.status != DocumentStatus.DRAFT,
            DocumentLineRow.service_id.is_not(None),
            DocumentLineRow.kind != "",
            Charge.id.is_(None),
        )
    )
    for number, description in session().execute(query):
        text = _("“%(description)s” has no charge for its period.", description=description)
        yield Problem(number or "", text)


def _sellers() -> Iterator[Problem]:
    """Find entries of a document in the books of another company than its own."""
    query = (
        sa.select(Document.number)
        .join(LedgerEntry, LedgerEntry.document_id == Document.id)
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .where(Posting.company_id != Document.company_id)
        .distinct()
    )
    for number in session().scalars(query):
        yield Problem(number or "", _("Has ledger entries in another company's books."))


def _credits() -> Iterator[Problem]:
    """Find clients with a negative credit balance at a company."""
    minor = sa.func.sum(LedgerEntry.minor)
    query = (
        sa.select(Client.name, Company.name, LedgerEntry.currency, minor)
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .join(Client, Client.id == LedgerEntry.client_id)
        .join(Company, Company.id == Posting.company_id)
        .where(LedgerEntry.account == Account.CREDIT)
        .group_by(Client.id, Client.name, Company.id, Company.name, LedgerEntry.currency)
        .having(minor > 0)
    )
    for client, company, currency, missing in session().execute(query):
        text = _(
            "Negative credit balance at %(company)s: %(minor)s minor units of %(currency)s.",
            company=company,
            minor=-int(missing),
            currency=currency,
        )
        yield Problem(client, text)


_CHECKS = (
    _postings,
    _payments,
    _receivables,
    _allocations,
    _sellers,
    _credits,
    _open_documents,
    _charges,
    _periods,
)
CHECKS = len(_CHECKS)
"""How many steps `check` has."""
