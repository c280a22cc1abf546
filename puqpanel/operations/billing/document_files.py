"""Documents as files: the PDF, which is kept once it was made, and UBL."""

from __future__ import annotations

import structlog

from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.texts import _
from puqpanel.infra.db import save, transaction
from puqpanel.models import Document, StoredFile
from puqpanel.operations.billing import templates
from puqpanel.operations.billing.contents import content
from puqpanel.operations.system.files import find_file

log = structlog.get_logger(__name__)
PDF_TYPE = "application/pdf"


def pdf(document: Document) -> bytes:
    """Return a document as PDF/A-3b, invoices and credit notes with Factur-X inside.

    The PDF of an issued document is kept, so that it stays the same although the company's logo or
    template changes. That of a draft is made anew.

    Args:
        document: with its lines and taxes.
    """
    from puqpanel.infra.documents.pdf import (
        render_pdf,
    )  # slow to import, and most processes never need it

    if document.digest and (kept := find_file(document.digest)) is not None:
        return kept.content
    company = document.company
    logo = find_file(company.logo) if company.logo else None
    rendered = render_pdf(
        content(document), logo=logo.content if logo else b"", template=company.template
    )
    if rendered.template_error is not None:
        log.warning("document template failed", company=company.name, error=rendered.template_error)
        templates.record_failure(company, document.number or "", rendered.template_error)
    if document.digest:
        taken = ConflictError(_("The file was made by another request. Try again."))
        try:
            with transaction():
                save(
                    StoredFile(digest=document.digest, content_type=PDF_TYPE, content=rendered.pdf),
                    taken,
                )
        except ConflictError:
            return pdf(document)
    return rendered.pdf


def ubl(document: Document) -> bytes:
    """Return an invoice or credit note as UBL 2.1.

    Raises:
        ConflictError: it is a proforma or a draft.
    """
    if document.kind == DocumentKind.PROFORMA or not document.digest:
        raise ConflictError(_("Only issued invoices and credit notes have UBL."))
    from puqpanel.infra.documents.ubl import ubl as written

    return written(content(document))


def file_name(document: Document, extension: str) -> str:
    """Return the name of a document's file: its number with characters that any system accepts."""
    name = document.number or "draft"
    return (
        "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
        + extension
    )
