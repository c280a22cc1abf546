"""The list of documents for staff; `documents` shows it."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.document_states import KIND_LABELS, OPEN, DocumentStatus
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.money import Money
from puqpanel.models import Client, Company, Document
from puqpanel.operations.billing.overdue import is_overdue
from puqpanel.web.admin import matches
from puqpanel.web.forms import _
from puqpanel.web.list_filters import Filter, date_filter
from puqpanel.web.list_page import Column, Tab
from puqpanel.web.lists import Listing, Sort


def _by_status(*where: sa.ColumnElement[bool]) -> tuple[sa.Select[int], ...]:
    """Select the keys of open documents, those of a status in the order of its index."""
    return tuple(
        sa.select(Document.id).where(Document.status == status, *where) for status in sorted(OPEN)
    )


DOCUMENTS = Listing(
    sa.select(
        Document.uuid,
        Document.kind,
        Document.number,
        Document.status,
        Document.currency,
        (Document.net_minor + Document.tax_minor).label("minor"),
        Document.paid_minor,
        Document.issued_on,
        Document.due_on,
        Document.created_at,
        Client.name.label("client"),
        Client.uuid.label("client_uuid"),
        Company.zone,
    )
    .join(Client, Client.id == Document.client_id)
    .join(Company, Company.id == Document.company_id),
    key=Document.id,
    sorts={
        "new": Sort(Document.id, descending=True),
        "issued": Sort(Document.issued_on, descending=True, nullable=True),
    },
    tabs={
        "all": Tab(_("All")),
        "unpaid": Tab(_("Unpaid"), Document.status.in_(OPEN), _by_status()),
        "overdue": Tab(_("Overdue"), is_overdue(), _by_status(is_overdue()), Document.due_on),
        "drafts": Tab(_("Drafts"), Document.status == DocumentStatus.DRAFT),
        "paid": Tab(
            _("Paid"),
            sa.and_(
                Document.status == DocumentStatus.PAID, Document.kind != DocumentKind.CREDIT_NOTE
            ),
        ),
    },
    filters={
        "kind": Filter(
            _("Type"),
            lambda key: Document.kind == key if key in set(DocumentKind) else None,
            choices=lambda: [(str(key), str(text)) for key, text in KIND_LABELS.items()],
        ),
        "client": Filter(_("Client"), lambda uuid: Client.uuid == uuid),
        "created": date_filter(_("Created"), Document.created_at),
    },
    search=matches.documents,
    search_parts=matches.document_parts,
    columns={
        "number": Column(_("Number"), lambda row: row.number or ""),
        "kind": Column(_("Type"), lambda row: row.kind),
        "client": Column(_("Client"), lambda row: row.client),
        "status": Column(_("Status"), lambda row: row.status),
        "total": Column(_("Total"), lambda row: Money(row.minor, row.currency).major),
        "currency": Column(_("Currency"), lambda row: row.currency, export_only=True),
        "issued": Column(_("Issued"), lambda row: row.issued_on or ""),
        "due": Column(_("Due"), lambda row: row.due_on or ""),
        "uuid": Column("UUID", lambda row: row.uuid, export_only=True),
    },
    noun="documents",
    placeholder=_("Number, client or ID"),
)
