"""Tables of the documents of an export: one row for each document, or for each line, as CSV.

Amounts of credit notes are negative, so that a column can be summed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.money import Money
from puqpanel.domain.spreadsheet import csv_line
from puqpanel.models import Document, DocumentTax

DOCUMENT_COLUMNS = (
    "kind",
    "number",
    "issued_on",
    "supplied_on",
    "due_on",
    "status",
    "buyer",
    "buyer_country",
    "buyer_vat_number",
    "currency",
    "net",
    "tax",
    "total",
    "paid",
    "credited",
    "written_off",
    "corrects",
    "reference",
    "uuid",
)
LINE_COLUMNS = (
    "number",
    "issued_on",
    "line",
    "description",
    "details",
    "quantity",
    "unit_price",
    "price_entry",
    "net",
    "tax_category",
    "tax_rate",
    "currency",
    "period_start",
    "period_end",
    "service",
)


def documents_csv(documents: Iterable[Document]) -> Iterator[str]:
    """Yield the CSV of documents, one row each."""
    yield csv_line(DOCUMENT_COLUMNS)
    for document in documents:
        yield csv_line(_document(document))


def lines_csv(documents: Iterable[Document]) -> Iterator[str]:
    """Yield the CSV of the lines of documents."""
    yield csv_line(LINE_COLUMNS)
    for document in documents:
        yield "".join(csv_line(row) for row in _lines(document))


def signed(document: Document, minor: int) -> Decimal:
    """Return an amount of a document in major units, negative if it is a credit note's."""
    return Money(signed_minor(document, minor), document.currency).major


def signed_minor(document: Document, minor: int) -> int:
    """Return an amount of a document in minor units, negative if it is a credit note's."""
    return -minor if document.kind == DocumentKind.CREDIT_NOTE else minor


def rate_of(row: DocumentTax) -> Decimal | None:
    """Return the rate of a tax group in percent; None if it has none or several."""
    return Decimal(row.taxes[0]["rate"]) if len(row.taxes) == 1 else None


def tax_minor(row: DocumentTax) -> int:
    """Return the sum of the taxes of a group."""
    return sum(tax["minor"] for tax in row.taxes)


def _document(document: Document) -> Sequence[object]:
    buyer, corrects = document.buyer, document.corrects
    return (
        document.kind,
        document.number,
        document.issued_on,
        document.supplied_on,
        document.due_on,
        document.status,
        buyer.get("name"),
        buyer.get("country"),
        buyer.get("vat_number"),
        document.currency,
        signed(document, document.net_minor),
        signed(document, document.tax_minor),
        signed(document, document.total.minor),
        signed(document, document.paid_minor),
        signed(document, document.credited_minor),
        signed(document, document.written_off_minor),
        corrects.number if corrects is not None else None,
        document.reference,
        document.uuid,
    )


def _lines(document: Document) -> Iterator[Sequence[object]]:
    for row in document.lines:
        group = document.taxes[row.tax_position]
        yield (
            document.number,
            document.issued_on,
            row.position + 1,
            row.description,
            row.details,
            row.quantity,
            row.unit_price,
            document.entry,
            signed(document, row.net_minor),
            group.category,
            rate_of(group),
            document.currency,
            row.period_start,
            row.period_end - timedelta(days=1) if row.period_end else None,
            row.service_id,
        )
