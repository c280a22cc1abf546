"""Seal documents, one or many: claim their periods, take numbers, post and record them.

All of it is one transaction. Clients and drafts are locked before; the lock of a series is the last
one, and the day is read under it, so numbers have no gaps and follow the dates. Each table is
written by one statement, whether it is one document or hundreds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from puqpanel.domain.document_states import KIND_LABELS, DocumentStatus, status_after
from puqpanel.domain.documents import DocumentKind, digest, values_of
from puqpanel.domain.errors import ConflictError, UserError
from puqpanel.domain.ledger import Account, Entry
from puqpanel.domain.numbering import Reset, count_period, number_text
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.infra.events import raise_event
from puqpanel.models import Document, Series
from puqpanel.operations.billing import charges, ledger, plain_documents
from puqpanel.operations.billing.companies import incompleteness, lock_series
from puqpanel.operations.billing.contents import content
from puqpanel.operations.billing.converted_taxes import Conversions
from puqpanel.operations.billing.plain_documents import PlainDocument
from puqpanel.operations.system import audit

AnyDocument = Document | PlainDocument
Refusal = tuple[AnyDocument, UserError]
_SeriesKey = tuple[int, str]


def seal(actor: Principal, document: Document) -> None:
    """Issue a document whose client is locked; requires a transaction.

    Args:
        actor: who issues it.
        document: a draft with lines and taxes.

    Raises:
        IncompleteCompanyError: the address or the VAT number of the company is missing.
        ConflictError: a period of a service was charged already, or the last document of the
            series has a later date.
    """
    for _document, error in seal_all(actor, [document]):
        raise error


def seal_all(actor: Principal, documents: Sequence[AnyDocument]) -> list[Refusal]:
    """Issue documents in order, whose clients are locked; requires a transaction.

    Args:
        actor: who issues them.
        documents: drafts with lines and taxes.

    Returns:
        Those that were not issued, unchanged, with the reasons of `seal`.
    """
    sellers = {each.company_id: each.company for each in documents}
    errors = {key: incompleteness(company) for key, company in sellers.items()}
    refused: list[Refusal] = []
    complete: list[AnyDocument] = []
    for document in documents:
        if error := errors[document.company_id]:
            refused.append((document, error))
        else:
            complete.append(document)
    keys = {(document.company_id, document.kind) for document in complete}
    series = {key: lock_series(*key) for key in sorted(keys)}
    moment = now()  # others may have issued on the next day while this waited for the locks
    days = {key: ledger.today(company, moment) for key, company in sellers.items()}
    free, charged = charges.claimable(complete, days)
    refused += charged
    conversions = Conversions()
    by_series: dict[_SeriesKey, list[AnyDocument]] = {}
    for document in free:
        by_series.setdefault((document.company_id, document.kind), []).append(document)
    for key in sorted(by_series):
        day, last = days[key[0]], series[key].last_on
        if last is not None and last > day:
            refused += [(document, _wrong_day(last, day)) for document in by_series.pop(key)]
            continue
        _fill(by_series[key], moment, day, conversions)
        _number(series[key], by_series[key], day)
    sealed = [each for each in free if (each.company_id, each.kind) in by_series]
    session().flush()
    plain_documents.write([each for each in sealed if isinstance(each, PlainDocument)])
    invoices = [each for each in sealed if each.kind == DocumentKind.INVOICE]
    charges.claim(invoices)
    ledger.post_all([_fact(invoice) for invoice in invoices])
    _announce(actor, sealed)
    return refused


def _fill(
    documents: Sequence[AnyDocument], moment: datetime, day: date, conversions: Conversions
) -> None:
    """Copy what is true at issue to documents of one company."""
    company = documents[0].company
    seller, bank = values_of(company.party), values_of(company.bank_account)
    for document in documents:
        document.issued_at, document.issued_on = moment, day
        document.supplied_on = document.supplied_on or day
        asks = document.kind != DocumentKind.CREDIT_NOTE and not document.adds_funds
        if asks and (document.due_on is None or document.due_on < day):
            document.due_on = day + timedelta(days=company.due_days)
        document.seller, document.bank = seller, bank
        buyer = document.buyer or values_of(document.client.party)
        # one without a country is taxed at home
        document.buyer = {**buyer, "country": buyer.get("country") or company.country}
        if document.origin_id is None:  # else it has the notes of its proforma
            document.notes = "\n".join(filter(None, (document.notes, company.notes)))
        document.converted_tax = conversions.of(document, day)
        document.status = status_after(document.total.minor, 0)


def _wrong_day(last: date, day: date) -> ConflictError:
    return ConflictError(
        _(
            "The last document of this series is dated %(last)s, and today is %(day)s. Check"
            " the clock of the server.",
            last=last,
            day=day,
        )
    )


def _number(series: Series, documents: Sequence[AnyDocument], day: date) -> None:
    """Assign numbers and seals to documents."""
    period = count_period(Reset(series.reset), day)
    if period != series.period:
        series.period, series.count = period, 0
    for document, (count, number) in zip(
        documents, _free_numbers(series, len(documents), day), strict=True
    ):
        series.sequence += 1
        document.sequence, document.count, document.number = series.sequence, count, number
        document.before = series.digest
        document.digest = series.digest = digest(content(document), series.digest)
    series.count, series.last_on = count, day


def _free_numbers(series: Series, wanted: int, day: date) -> list[tuple[int, str]]:
    """Return the next counts with numbers that no earlier pattern of the series gave."""
    free: list[tuple[int, str]] = []
    count = series.count
    while len(free) < wanted:
        counts = range(count + 1, count + 1 + wanted - len(free))
        numbers = {each: number_text(series.pattern, each, day) for each in counts}
        query = sa.select(Document.number).where(
            Document.company_id == series.company_id,
            Document.kind == series.kind,
            Document.number.in_(numbers.values()),
        )
        used = set(session().scalars(query))
        free += [(each, number) for each, number in numbers.items() if number not in used]
        count = counts[-1]
    return free


def _fact(invoice: AnyDocument) -> ledger.Fact:
    assert invoice.issued_on is not None
    net, tax = invoice.net, invoice.tax
    return ledger.Fact(
        key=f"invoice:{invoice.uuid}",
        company=invoice.company,
        client_id=invoice.client_id,
        day=invoice.issued_on,
        summary=_("Invoice issued"),
        entries=(
            Entry(Account.RECEIVABLE, net + tax, invoice.id),
            Entry(Account.INCOME, -net),
            Entry(Account.TAX, -tax),
        ),
    )


def _announce(actor: Principal, documents: Sequence[AnyDocument]) -> None:
    audit.record_all(
        actor=actor,
        action="document.issued",
        subject_type="document",
        subjects=[
            audit.Subject(
                document.uuid,
                _(
                    "%(kind)s %(number)s issued, %(total)s.",
                    kind=KIND_LABELS[DocumentKind(document.kind)],
                    number=document.number,
                    total=total,
                ),
                after={"number": document.number, "total": str(total)},
            )
            for document in documents
            for total in (document.total,)
        ],
    )
    for document in documents:
        kind = document.kind
        if kind == DocumentKind.CREDIT_NOTE:
            continue
        payload = {f"{kind}_uuid": document.uuid, "client_uuid": document.client.uuid}
        raise_event(f"{kind}.created", payload)
        if kind == DocumentKind.INVOICE and document.status == DocumentStatus.PAID:
            raise_event("invoice.paid", payload)
