"""The states of documents, and when they can change."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.texts import Text, _c


class DocumentStatus(StrEnum):
    """The stored status of a document; whether it is overdue depends on the day."""

    DRAFT = "draft"
    ISSUED = "issued"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    CREDITED = "credited"
    WRITTEN_OFF = "written_off"
    CANCELLED = "cancelled"


_S = DocumentStatus
OPEN = (_S.ISSUED, _S.PARTLY_PAID)
"""Statuses in which something is left to pay."""
LABELS = {
    _S.DRAFT: _c("document", "Draft"),
    _S.ISSUED: _c("document", "Unpaid"),
    _S.PARTLY_PAID: _c("document", "Partly paid"),
    _S.PAID: _c("document", "Paid"),
    _S.CREDITED: _c("document", "Credited"),
    _S.WRITTEN_OFF: _c("document", "Written off"),
    _S.CANCELLED: _c("document", "Cancelled"),
}
OVERDUE = _c("document", "Overdue")
PARTLY_CREDITED = _c("document", "Partly credited")
"""Shown instead of “Partly paid” if nothing was paid."""
KIND_LABELS = {
    DocumentKind.PROFORMA: _c("document", "Proforma"),
    DocumentKind.INVOICE: _c("document", "Invoice"),
    DocumentKind.CREDIT_NOTE: _c("document", "Credit note"),
}


def status_after(total_minor: int, settled_minor: int) -> DocumentStatus:
    """Return the status of an issued document.

    Args:
        total_minor: what it asks for.
        settled_minor: what was paid and credited.
    """
    if settled_minor >= total_minor:
        return _S.PAID
    return _S.PARTLY_PAID if settled_minor > 0 else _S.ISSUED


def label(status: str, due_on: date | None, today: date) -> Text:
    """Return what a page shows: open documents past their due date are overdue."""
    found = DocumentStatus(status)
    if found in OPEN and due_on is not None and due_on < today:
        return OVERDUE
    return LABELS[found]
