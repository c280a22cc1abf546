"""Check the books: `puqpanel books check` and `puqpanel books verify`.

`verify` proves that no issued document was altered, removed or inserted; `check` compares the
ledger, documents, payments, charges and the credit of clients with each other. Each check is a
query or two that return what does not agree.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from puqpanel.domain.document_states import DocumentStatus
from puqpanel.domain.documents import digest
from puqpanel.domain.numbering import number_text
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import session
from puqpanel.models import Company, Document, Series
from puqpanel.operations.billing import (
    book_charges,
    book_credit,
    book_debits,
    book_documents,
    book_postings,
)
from puqpanel.operations.billing.book_problems import (
    ISSUED,
    Problem,
    Step,
    of_documents,
    problem,
)
from puqpanel.operations.billing.contents import content

CHUNK = 500
"""Documents that are read at once."""
_CHECKS = (
    book_postings.unbalanced,
    book_postings.differences,
    book_postings.unexplained,
    book_postings.misplaced,
    book_postings.redated,
    book_credit.unrecorded,
    book_credit.overdrawn,
    book_credit.transferred,
    book_documents.receivables,
    book_documents.allocations,
    book_documents.payers,
    book_documents.proformas,
    book_documents.statuses,
    book_charges.differences,
    book_charges.reversals,
    book_debits.sums,
    book_debits.statements,
)
CHECKS = len(_CHECKS)
"""How many steps `check` has."""


def check() -> Iterator[Step]:
    """Check that documents, payments, charges and credit agree with the ledger."""
    for part in _CHECKS:
        yield Step(1, tuple(part()))


def verify() -> Iterator[Step]:
    """Recompute the digest of every issued document, in the order of each series."""
    yield Step(0, tuple(_outside_series()))
    for key in session().scalars(sa.select(Series.id).order_by(Series.id)).all():
        yield from _verify_series(key)


def _outside_series() -> Iterator[Problem]:
    """Find documents that count as issued but are in no series."""
    query = (
        of_documents()
        .outerjoin(
            Series, sa.and_(Series.company_id == Document.company_id, Series.kind == Document.kind)
        )
        .where(
            sa.or_(
                sa.and_(~ISSUED, Document.status != DocumentStatus.DRAFT),
                sa.and_(ISSUED, Series.id.is_(None)),
            )
        )
    )
    for name, client in session().execute(query):
        yield problem(name, client, _("It does not belong to a number series."))


def documents_to_verify() -> int:
    """Return how many documents `verify` reads."""
    query = sa.select(sa.func.count()).where(ISSUED)
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
        yield Step(0, (Problem(name, _no_last_document(series)),))


def _no_last_document(series: Series) -> Text:
    if series.last_on is None:
        return _("The last document of the series is missing, or was changed.")
    number = number_text(series.pattern, series.count, series.last_on)
    return _(
        "The last document of the series is missing, or was changed. According to the"
        " number pattern and counter of the series, its number is %(number)s.",
        number=number,
    )


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
    name, client = document.number or document.uuid, document.client.name
    if document.before != before:
        yield problem(name, client, _("The preceding document was removed, altered or inserted."))
    if document.sequence != sequence + 1:
        yield problem(name, client, _("The preceding document is missing."))
    try:
        now = digest(content(document), document.before)
    except Exception:
        yield problem(name, client, _("Its content cannot be read."))
        return
    if now != document.digest:
        yield problem(name, client, _("Its content was changed after it was issued."))
    lines = sum(row.net_minor for row in document.lines)
    taxes = sum(tax["minor"] for row in document.taxes for tax in row.taxes)
    if (lines, taxes) != (document.net_minor, document.tax_minor):
        yield problem(name, client, _("Its lines and taxes do not sum to its total."))
