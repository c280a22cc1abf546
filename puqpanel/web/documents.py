"""How documents are shown: their status on a day, dates, and files."""

from __future__ import annotations

import base64
from datetime import date, timedelta

from babel.dates import format_date
from babel.numbers import format_decimal
from flask import Response

from puqpanel.domain.document_states import OPEN, DocumentStatus
from puqpanel.domain.documents import ConvertedTax, DocumentKind
from puqpanel.domain.texts import Text, _
from puqpanel.models import Document
from puqpanel.operations.billing import document_files
from puqpanel.operations.billing.contents import content
from puqpanel.operations.billing.ledger import zone_day
from puqpanel.web.locale import viewer_locale


def shown_state(
    status: str, due_on: date | None, zone: str, kind: str = "", paid_minor: int | None = None
) -> str:
    """Return the key of a document's badge: open documents past their due date are overdue.

    One of which nothing was paid, but a part credited, is partly credited.

    Args:
        status: of the document.
        due_on: the last day for payment.
        zone: the time zone of its company.
        kind: of the document.
        paid_minor: what was paid of it, if that is known.
    """
    if kind == DocumentKind.CREDIT_NOTE and status != DocumentStatus.DRAFT:
        return "credit_note"
    if DocumentStatus(status) in OPEN and due_on is not None and due_on < zone_day(zone):
        return "overdue"
    if status == DocumentStatus.PARTLY_PAID and paid_minor == 0:
        return "partly_credited"
    return status


def state_of(document: Document) -> str:
    """Return the key of a document's badge."""
    zone = document.company.zone
    return shown_state(document.status, document.due_on, zone, document.kind, document.paid_minor)


def shown_day(day: date | None) -> str:
    """Return a date in the viewer's language; a dash if there is none."""
    return format_date(day, "medium", viewer_locale()) if day else "—"


def shown_days(start: date | None, end: date | None) -> str:
    """Return the first and the last day of a period; empty if there is none.

    Args:
        start: the first day.
        end: the day after the last.
    """
    if start is None or end is None:
        return ""
    return f"{shown_day(start)} – {shown_day(end - timedelta(days=1))}"


def shown_tax(stated: ConvertedTax) -> Text:
    """Return what the tax of a document in another currency is called, with the exchange rate."""
    return _(
        "Tax in %(currency)s (rate %(rate)s of %(day)s)",
        currency=stated.amount.currency,
        rate=format_decimal(stated.rate, locale=viewer_locale(), decimal_quantization=False),
        day=shown_day(stated.rate_on),
    )


def transfer_image(document: Document) -> str:
    """Return the QR code for the bank transfer of what is due as a data URL.

    Empty if nothing is due, or there is no standard for such a code.
    """
    from puqpanel.infra.documents.transfer_codes import transfer_code  # most pages have none

    svg = transfer_code(content(document), document.open) if document.open else ""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}" if svg else ""


def pdf_response(document: Document) -> Response:
    """Return the PDF of a document, shown by the browser."""
    name = document_files.file_name(document, ".pdf")
    response = Response(document_files.pdf(document), mimetype=document_files.PDF_TYPE)
    response.headers.set("Content-Disposition", "inline", filename=name)
    return response


def ubl_response(document: Document) -> Response:
    """Return the UBL of a document as a download."""
    name = document_files.file_name(document, ".xml")
    response = Response(document_files.ubl(document), mimetype="application/xml")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
