"""Documents: find them, and write drafts of invoices and proformas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import lazyload, selectinload

from puqpanel.domain.document_states import OPEN, DocumentStatus
from puqpanel.domain.documents import FUNDS, DocumentKind
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import CLIENT_BILLING_VIEW, DOCUMENTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.tax import PriceEntry
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import find, retry_deadlocks, save, session, transaction
from puqpanel.models import Address, Client, Company, Document, DocumentLineRow
from puqpanel.models.columns import new_uuid
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing.companies import clean_text, company_for, find_company
from puqpanel.operations.billing.ledger import lock_client, today
from puqpanel.operations.billing.lines import (
    Line,
    Reckoning,
    is_written,
    line_of,
    line_rows,
    line_values,
    reckon,
    tax_rows,
    tax_values,
)
from puqpanel.operations.billing.plain_documents import PlainDocument, PlainRow
from puqpanel.operations.billing.tax_tables import TaxRates, TaxTable
from puqpanel.operations.system import audit

OPEN_MINOR = (
    Document.net_minor
    + Document.tax_minor
    - Document.paid_minor
    - Document.credited_minor
    - Document.written_off_minor
)
"""What is left to pay of a document that is open."""
NOT_A_DRAFT = _("Issued documents can't be changed. To correct an invoice, issue a credit note.")
MAX_NOTES = 2000


def find_document(uuid: str) -> Document:
    """Return one document with its lines and taxes.

    Raises:
        NotFoundError: it does not exist.
    """
    query = sa.select(Document).where(Document.uuid == uuid)
    return find(
        query.options(selectinload(Document.lines), selectinload(Document.taxes)),
        _("Document not found."),
    )


def find_document_of(actor: Principal, uuid: str) -> Document:
    """Return an issued document of a user's current client.

    Raises:
        NotFoundError: it does not exist, is a draft, or belongs to another client.
    """
    client_id = actor.client.id if actor.client and actor.may(CLIENT_BILLING_VIEW) else None
    query = sa.select(Document).where(
        Document.uuid == uuid,
        Document.client_id == client_id,
        Document.status != DocumentStatus.DRAFT,
    )
    return find(query, _("Document not found."))


def is_funds() -> sa.ColumnElement[bool]:
    """Return the condition that a document is a proforma for funds."""
    line = sa.exists().where(
        DocumentLineRow.document_id == Document.id, DocumentLineRow.kind == FUNDS
    )
    return sa.and_(Document.kind == DocumentKind.PROFORMA, line)


def documents_due(client: Client) -> sa.Select[Document]:
    """Select the documents that a client has to pay, the earliest due first.

    Those that only add funds are not among them.
    """
    return (
        sa.select(Document)
        .where(
            Document.client_id == client.id,
            Document.status.in_(OPEN),
            Document.kind != DocumentKind.CREDIT_NOTE,
            ~is_funds(),
        )
        .order_by(Document.due_on, Document.id)
    )


def amounts_due(client: Client) -> list[Money]:
    """Return what a client has to pay, in each currency."""
    due = documents_due(client).order_by(None).subquery().c
    open_minor = sa.func.sum(
        due.net_minor + due.tax_minor - due.paid_minor - due.credited_minor - due.written_off_minor
    )
    query = sa.select(due.currency, open_minor).group_by(due.currency).order_by(due.currency)
    return [Money(int(minor), currency) for currency, minor in session().execute(query)]


def lock_document(uuid: str) -> Document:
    """Lock a document until the transaction ends, and return its current state.

    Raises:
        NotFoundError: it does not exist.
    """
    # without the joined company and client: MariaDB would lock these too
    query = sa.select(Document).where(Document.uuid == uuid).options(lazyload("*"))
    query = query.with_for_update(of=Document)
    return find(query.execution_options(populate_existing=True), _("Document not found."))


@dataclass(frozen=True, slots=True)
class Draft:
    """The fields of a draft.

    Args:
        lines: in order.
        reference: the client's own reference, printed on the document.
        notes: printed below the totals, one paragraph a line.
    """

    lines: Sequence[Line]
    reference: str = ""
    notes: str = ""


@transaction()
def create_draft(
    *,
    actor: Principal,
    client_uuid: str,
    draft: Draft,
    kind: str = DocumentKind.INVOICE,
    company_uuid: str = "",
    currency: str = "",
    entry: str = "",
) -> Document:
    """Write a draft of an invoice or proforma. It has no number and is in no book.

    Args:
        actor: who writes it.
        client_uuid: the buyer.
        draft: its fields.
        kind: INVOICE or PROFORMA.
        company_uuid: the seller; unless given, the company that sells to the client.
        currency: the client's unless given.
        entry: whether its prices are net or gross; the company's unless given.

    Raises:
        InvalidInput: a field is invalid.
    """
    actor.require(DOCUMENTS_MANAGE)
    if kind not in (DocumentKind.INVOICE, DocumentKind.PROFORMA):
        raise InvalidInput({"kind": [_("Select an option from the list.")]})
    client = find_client(client_uuid)
    company = find_company(company_uuid) if company_uuid else company_for(client)
    document = new_document(company, client, kind, currency or client.currency, entry)
    write(document, draft)
    save(document)
    _record(actor, document, "document.created", _("Draft created, %(total)s."))
    return document


@retry_deadlocks
@transaction()
def save_draft(*, actor: Principal, uuid: str, draft: Draft) -> Document:
    """Change a draft.

    Raises:
        ConflictError: it was issued.
        InvalidInput: a field is invalid.
    """
    actor.require(DOCUMENTS_MANAGE)
    document = lock_for_edit(uuid)
    check_editable(document)
    write(document, draft)
    session().flush()
    _record(actor, document, "document.updated", _("Draft changed, %(total)s."))
    return document


@retry_deadlocks
@transaction()
def delete_draft(*, actor: Principal, uuid: str) -> None:
    """Delete a draft.

    Raises:
        ConflictError: it was issued.
    """
    actor.require(DOCUMENTS_MANAGE)
    document = lock_for_edit(uuid)
    _record(actor, document, "document.deleted", _("Draft deleted, %(total)s."))
    session().delete(document)


def preview(
    client: Client, company: Company, lines: Sequence[Line], currency: str, entry: str = ""
) -> Reckoning:
    """Return what lines would amount to on a document that is issued today.

    Args:
        client: the buyer.
        company: the seller.
        lines: in order.
        currency: of the document.
        entry: whether its prices are net or gross; the company's unless given.

    Raises:
        InvalidInput: a line is invalid.
    """
    table = TaxTable(company, client, today(company))
    return reckon(lines, table, currency, PriceEntry(entry or company.entry))


def lock_for_edit(uuid: str) -> Document:
    """Lock a draft after its client, and return its current state.

    Raises:
        ConflictError: it was issued.
    """
    lock_client(find_document(uuid).client_id)
    return lock_draft(uuid)


def lock_draft(uuid: str) -> Document:
    """Lock a draft.

    Raises:
        ConflictError: it was issued.
    """
    document = lock_document(uuid)
    check_draft(document)
    return document


def check_draft(document: Document) -> None:
    """Check that a document was not issued.

    Raises:
        ConflictError: it was.
    """
    if document.status != DocumentStatus.DRAFT:
        raise ConflictError(NOT_A_DRAFT)


def check_editable(document: Document) -> None:
    """Check that the lines of a document can be edited.

    Raises:
        ConflictError: it was issued, or is for services.
    """
    check_draft(document)
    if any(row.service_id for row in document.lines):
        text = _("This draft is for services, so its lines can't be edited. Delete it instead.")
        raise ConflictError(text)


def new_document(
    company: Company, client: Client, kind: str, currency: str, entry: str = ""
) -> Document:
    """Return a draft without lines, which is not in the database yet; see `draft_values`."""
    return Document(**draft_values(company, client, kind, currency, entry))


def draft_values(
    company: Company, client: Client, kind: str, currency: str, entry: str = ""
) -> dict[str, Any]:
    """Return the values of a new draft without lines.

    Args:
        company: the seller.
        client: the buyer.
        kind: a `DocumentKind`.
        currency: of its amounts.
        entry: whether its prices are net or gross; the company's unless given.
    """
    return {
        "uuid": new_uuid(),
        "company_id": company.id,
        "client_id": client.id,
        "company": company,
        "client": client,
        "kind": kind,
        "currency": currency,
        "language": client.language or "en",
        "entry": entry or company.entry,
    }


def write(
    document: Document | PlainDocument,
    draft: Draft,
    rates: TaxRates | None = None,
    address: Address | None = None,
) -> None:
    """Put the fields of a draft on a document, with the taxes of today.

    Args:
        document: a draft.
        draft: its fields.
        rates: those that were read for many documents.
        address: another billing address than the client's own.
    """
    document.reference = clean_text(draft.reference, 200)
    document.notes = clean_text(draft.notes, MAX_NOTES)
    _put_lines(document, draft.lines, _reckoned(document, draft.lines, rates, address))


def rewrite_taxes(
    document: Document | PlainDocument,
    expected: Money | None = None,
    rates: TaxRates | None = None,
) -> None:
    """Compute the taxes of a draft again, with the rates and the client of today.

    Args:
        document: a draft.
        expected: the total that was shown; None to accept any.
        rates: those that were read for many documents.

    Raises:
        ConflictError: the total is not the expected one.
        InvalidInput: a line is invalid, or the total is negative.
        NoTaxRateError: tax must be charged, but there is no rate.
    """
    lines = [line_of(row, document.currency) for row in document.lines]
    reckoning = _reckoned(document, lines, rates)
    total = reckoning.net_minor + reckoning.tax_minor
    if expected is not None and total != expected.minor:
        raise ConflictError(
            _(
                "The total has changed to %(total)s. Check the draft and issue it again.",
                total=Money(total, document.currency),
            )
        )
    if not is_written(document, reckoning):
        _put_lines(document, lines, reckoning)


def _reckoned(
    document: Document | PlainDocument,
    lines: Sequence[Line],
    rates: TaxRates | None,
    address: Address | None = None,
) -> Reckoning:
    company = document.company
    table = TaxTable(company, address or document.client, today(company), rates)
    reckoning = reckon(lines, table, document.currency, PriceEntry(document.entry))
    if reckoning.net_minor + reckoning.tax_minor < 0:
        text = _("The total can't be negative. To refund the client, issue a credit note instead.")
        raise InvalidInput({"": [text]})
    return reckoning


def _put_lines(
    document: Document | PlainDocument, lines: Sequence[Line], reckoning: Reckoning
) -> None:
    if isinstance(document, PlainDocument):
        document.lines = [PlainRow(**row) for row in line_values(lines, reckoning)]
        document.taxes = [PlainRow(**tax) for tax in tax_values(reckoning.totals)]
        document.rewritten = True
    else:
        document.lines.clear()
        document.taxes.clear()
        if document.id is not None:
            session().flush()
        document.lines.extend(line_rows(lines, reckoning))
        document.taxes.extend(tax_rows(reckoning.totals))
    document.net_minor, document.tax_minor = reckoning.net_minor, reckoning.tax_minor


def _record(actor: Principal, document: Document, action: str, summary: Text) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_type="document",
        subject_uuid=document.uuid,
        summary=summary % {"total": document.total},
        after={"total": str(document.total)},
    )
