"""Issue a document, cancel a proforma, and write off an invoice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from puqpanel.domain.document_states import OPEN, DocumentStatus
from puqpanel.domain.documents import DocumentKind, digest, values_of
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.ledger import Account, Entry
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.db import retry_deadlocks, save, transaction
from puqpanel.models import Address, Client, Company, Document
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.contents import content
from puqpanel.operations.billing.documents import (
    Draft,
    find_document,
    lock_document,
    lock_draft,
    new_document,
    rewrite_taxes,
    write,
)
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.billing.sealing import seal
from puqpanel.operations.system import audit


@retry_deadlocks
@transaction()
def issue(
    *, actor: Principal, uuid: str, expected: Money | None = None, shown: str = ""
) -> Document:
    """Issue a draft with the taxes of today. It never changes afterwards.

    An invoice of a total of zero is paid at once.

    Args:
        actor: who issues it.
        uuid: the draft.
        expected: the total that was shown; if it is another one now, nothing is issued. None to
            accept any.
        shown: the fingerprint of the draft that was shown; if it is another one now, nothing is
            issued. Empty to accept any.

    Raises:
        IncompleteCompanyError: the address or the VAT number of the company is missing.
        ConflictError: the total or the draft is not the expected one, it was issued already, a
            period of a service was charged already, or the last document of the series has a later
            date.
        NoTaxRateError: tax must be charged, but there is no rate.
    """
    actor.require(DOCUMENTS_ISSUE)
    ledger.lock_client(find_document(uuid).client_id)
    draft = lock_draft(uuid)
    if shown and shown != fingerprint(draft):
        text = _("This draft has changed since you opened the page. Check it and issue it again.")
        raise ConflictError(text)
    rewrite_taxes(draft, expected)
    seal(actor, draft)
    return draft


def fingerprint(draft: Document) -> str:
    """Return a digest of what a draft says, whenever it is issued."""
    any_day = date.min
    return digest(replace(content(draft), issued_on=any_day, supplied_on=any_day), "")


def issue_quoted(
    actor: Principal,
    company: Company,
    client: Client,
    lines: Sequence[Line],
    total: Money,
    *,
    address: Address | None = None,
) -> Document:
    """Issue what was quoted to a locked client; requires a transaction.

    It is a proforma if the company issues these first and something is to be paid, else an invoice.

    Args:
        actor: who issues it.
        company: the seller.
        client: the buyer; its currency is that of the lines.
        lines: with the amounts of the quote.
        total: of the quote, with tax.
        address: another billing address than the client's own.
    """
    proforma = company.proforma_first and total
    kind = DocumentKind.PROFORMA if proforma else DocumentKind.INVOICE
    document = new_document(company, client, kind, total.currency)
    if address is not None:
        document.buyer = values_of(address.party)
    write(document, Draft(lines, client.reference), address=address)
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
    check_cancellable(document)
    document.status = DocumentStatus.CANCELLED
    audit.record(
        actor=actor,
        action="document.cancelled",
        subject_type="document",
        subject_uuid=uuid,
        summary=_("Proforma %(number)s cancelled.", number=document.number),
        after={"reason": reason} if reason else None,
    )


def check_cancellable(document: Document) -> None:
    """Check that a document is a proforma that can be cancelled.

    Raises:
        ConflictError: see `cancel_proforma`.
    """
    if document.kind != DocumentKind.PROFORMA:
        raise ConflictError(_("Only proformas can be cancelled. Credit the invoice instead."))
    open_statuses = OPEN if document.adds_funds else (DocumentStatus.ISSUED,)
    if document.status not in open_statuses:
        raise ConflictError(_("Only unpaid proformas can be cancelled."))


@retry_deadlocks
@transaction()
def write_off(*, actor: Principal, uuid: str, reason: str) -> None:
    """Write off what is open on an invoice that will not be paid.

    Raises:
        ConflictError: it is not an invoice, or nothing is open.
    """
    actor.require(DOCUMENTS_ISSUE)
    ledger.lock_client(find_document(uuid).client_id)
    document = lock_document(uuid)
    check_unpaid(document)
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


def check_unpaid(document: Document) -> None:
    """Check that a document is an invoice that can be written off.

    Raises:
        ConflictError: it is not an invoice, or nothing is open.
    """
    if document.kind != DocumentKind.INVOICE or document.status not in OPEN:
        raise ConflictError(_("Only unpaid invoices can be written off."))
