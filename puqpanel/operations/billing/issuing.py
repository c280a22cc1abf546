"""Issue a document: seal its content, take the next number, and post it to the ledger.

All of it is one transaction. The number is taken last, under the lock of the series, so numbers
have no gaps and follow the dates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain.document_states import KIND_LABELS, OPEN, DocumentStatus, status_after
from puqpanel.domain.documents import DocumentKind, digest
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.ledger import Account, Entry
from puqpanel.domain.money import Money
from puqpanel.domain.numbering import Reset, count_period, number_text
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, save, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import Charge, Client, Company, Document, DocumentLineRow
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.companies import lock_series
from puqpanel.operations.billing.contents import content
from puqpanel.operations.billing.documents import (
    Draft,
    find_document,
    lock_document,
    lock_draft,
    rewrite_taxes,
    write,
)
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.system import audit


@retry_deadlocks
@transaction()
def issue(*, actor: Principal, uuid: str, expected: Money | None = None) -> Document:
    """Issue a draft with the taxes of today. It never changes afterwards.

    An invoice of a total of zero is paid at once.

    Args:
        actor: who issues it.
        uuid: the draft.
        expected: the total that was shown; if it is another one now, nothing is issued. None to
            accept any.

    Raises:
        ConflictError: the total is not the expected one, it was issued already, a period of a
            service was charged already, or the last document of the series has a later date.
        NoTaxRateError: tax must be charged, but there is no rate.
    """
    actor.require(DOCUMENTS_ISSUE)
    ledger.lock_client(find_document(uuid).client_id)
    draft = lock_draft(uuid)
    rewrite_taxes(draft)
    if expected is not None and draft.total != expected:
        raise ConflictError(
            _(
                "The total has changed to %(total)s. Check the draft and issue it again.",
                total=draft.total,
            )
        )
    seal(actor, draft)
    return draft


def seal(actor: Principal, document: Document) -> None:
    """Issue a document whose client is locked; requires a transaction.

    Args:
        actor: who issues it.
        document: a draft with lines and taxes.

    Raises:
        ConflictError: see `issue`.
    """
    company = document.company
    document.issued_at = now()
    document.issued_on = ledger.today(company, document.issued_at)
    document.supplied_on = document.supplied_on or document.issued_on
    if document.kind != DocumentKind.CREDIT_NOTE and not document.adds_funds:
        document.due_on = document.issued_on + timedelta(days=company.due_days)
    document.seller = asdict(company.party)
    document.buyer = asdict(document.client.party)
    document.bank = asdict(company.bank_account)
    if not document.notes.endswith(company.notes):  # an invoice has those of its proforma
        document.notes = "\n".join(filter(None, (document.notes, company.notes)))
    document.status = status_after(document.total.minor, 0)
    session().flush()
    if document.kind == DocumentKind.INVOICE:
        _charge(document)
        _post(document)
    _number(document)
    _announce(actor, document)


def issue_quoted(
    actor: Principal, company: Company, client: Client, lines: Sequence[Line], total: Money
) -> Document:
    """Issue what was quoted to a locked client; requires a transaction.

    It is a proforma if the company issues these first and something is to be paid, else an invoice.

    Args:
        actor: who issues it.
        company: the seller.
        client: the buyer; its currency is that of the lines.
        lines: with the amounts of the quote.
        total: of the quote, with tax.
    """
    proforma = company.proforma_first and total
    document = Document(
        company_id=company.id,
        company=company,
        client_id=client.id,
        client=client,
        kind=DocumentKind.PROFORMA if proforma else DocumentKind.INVOICE,
        currency=total.currency,
        language=client.language or "en",
        entry=company.entry,
    )
    write(document, Draft(lines, client.reference))
    save(document)
    if document.total != total:
        raise AssertionError(f"{document.total} was written, {total} was quoted")
    seal(actor, document)
    return document


@retry_deadlocks
@transaction()
def cancel_proforma(*, actor: Principal, uuid: str, reason: str = "") -> None:
    """Cancel a proforma that was not paid, or what is open on one for funds.

    Raises:
        ConflictError: it is no proforma, or something was paid.
    """
    actor.require(DOCUMENTS_ISSUE)
    cancel(actor, uuid, reason)


def cancel(actor: Principal, uuid: str, reason: str = "") -> None:
    """Cancel a proforma for an actor who may; requires a transaction.

    Raises:
        ConflictError: see `cancel_proforma`.
    """
    ledger.lock_client(find_document(uuid).client_id)
    document = lock_document(uuid)
    if document.kind != DocumentKind.PROFORMA:
        raise ConflictError(_("Only proformas can be cancelled. Credit the invoice instead."))
    open_statuses = OPEN if document.adds_funds else (DocumentStatus.ISSUED,)
    if document.status not in open_statuses:
        raise ConflictError(_("Only unpaid proformas can be cancelled."))
    document.status = DocumentStatus.CANCELLED
    audit.record(
        actor=actor,
        action="document.cancelled",
        subject_type="document",
        subject_uuid=uuid,
        summary=_("Proforma %(number)s cancelled.", number=document.number),
        after={"reason": reason} if reason else None,
    )


@retry_deadlocks
@transaction()
def write_off(*, actor: Principal, uuid: str, reason: str) -> None:
    """Write off what is open on an invoice that will not be paid.

    Raises:
        ConflictError: it is no invoice, or nothing is open.
    """
    actor.require(DOCUMENTS_ISSUE)
    ledger.lock_client(find_document(uuid).client_id)
    document = lock_document(uuid)
    if document.kind != DocumentKind.INVOICE or document.status not in OPEN:
        raise ConflictError(_("Only unpaid invoices can be written off."))
    rest = document.open
    ledger.post(
        key=f"write_off:{document.uuid}",
        company=document.company,
        client_id=document.client_id,
        day=ledger.today(document.company),
        summary=_("Invoice %(number)s written off", number=document.number),
        entries=[
            Entry(Account.WRITE_OFF, rest),
            Entry(Account.RECEIVABLE, -rest, document.id),
        ],
    )
    document.written_off_minor = rest.minor
    document.status = DocumentStatus.WRITTEN_OFF
    audit.record(
        actor=actor,
        action="document.written_off",
        subject_type="document",
        subject_uuid=uuid,
        summary=_("%(rest)s written off: %(reason)s", rest=rest, reason=reason),
        after={"amount": str(rest), "reason": reason},
    )


def _charge(document: Document) -> None:
    """Claim the periods that an invoice pays for.

    Raises:
        ConflictError: one was charged already.
    """
    grouped: dict[tuple[int, str, object, str], list[DocumentLineRow]] = {}
    for row in document.lines:
        if row.service_id is not None and row.kind:
            change = row.explanation.get("change", "")
            key = row.service_id, row.kind, row.period_start, change
            grouped.setdefault(key, []).append(row)
    for (service_id, kind, _start, change), rows in sorted(grouped.items(), key=str):
        taken = ConflictError(
            _(
                "“%(description)s” has already been charged for this period.",
                description=rows[0].description,
            )
        )
        save(
            Charge(
                service_id=service_id,
                document_id=document.id,
                kind=kind,
                period_start=rows[0].period_start or document.issued_on,
                period_end=rows[0].period_end,
                change_uuid=change,
                currency=document.currency,
                amount_minor=sum(row.amount_minor for row in rows),
            ),
            taken,
        )


def _post(document: Document) -> None:
    entries = [
        Entry(Account.RECEIVABLE, document.total, document.id),
        Entry(Account.INCOME, -document.net),
        Entry(Account.TAX, -document.tax),
    ]
    assert document.issued_on is not None
    ledger.post(
        key=f"invoice:{document.uuid}",
        company=document.company,
        client_id=document.client_id,
        day=document.issued_on,
        summary=_("Invoice issued"),
        entries=entries,
    )


def _number(document: Document) -> None:
    """Give a document the next number of its series, and the seal."""
    series = lock_series(document.company_id, document.kind)
    day = document.issued_on
    assert day is not None
    if series.last_on is not None and series.last_on > day:
        raise ConflictError(
            _(
                "The last document of this series is dated %(last)s, and today is %(day)s. Check"
                " the clock of the server.",
                last=series.last_on.isoformat(),
                day=day.isoformat(),
            )
        )
    period = count_period(Reset(series.reset), day)
    if period != series.period:
        series.period, series.count = period, 0
    number, count = "", series.count
    while not number or _exists(document, number):
        count += 1
        number = number_text(series.pattern, count, day)
    series.count, series.last_on = count, day
    series.sequence += 1
    document.sequence, document.count, document.number = series.sequence, count, number
    session().flush()
    document.before = series.digest
    document.digest = series.digest = digest(content(document), series.digest)
    session().flush()


def _exists(document: Document, number: str) -> bool:
    """Return whether a number was used, by an earlier pattern of the series."""
    query = sa.select(Document.id).where(
        Document.company_id == document.company_id,
        Document.kind == document.kind,
        Document.number == number,
    )
    return session().scalar(query) is not None


def _announce(actor: Principal, document: Document) -> None:
    label = KIND_LABELS[DocumentKind(document.kind)]
    audit.record(
        actor=actor,
        action="document.issued",
        subject_type="document",
        subject_uuid=document.uuid,
        summary=_(
            "%(kind)s %(number)s issued, %(total)s.",
            kind=label,
            number=document.number,
            total=document.total,
        ),
        after={"number": document.number, "total": str(document.total)},
    )
    if document.kind == DocumentKind.CREDIT_NOTE:
        return
    kind = document.kind
    payload = {f"{kind}_uuid": document.uuid, "client_uuid": document.client.uuid}
    raise_event(f"{kind}.created", payload)
    if kind == DocumentKind.INVOICE and document.status == DocumentStatus.PAID:
        raise_event("invoice.paid", payload)
