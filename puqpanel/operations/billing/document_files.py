"""Documents as files: the PDF, which is kept once it was made, and UBL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from puqpanel.domain.document_states import KIND_LABELS
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import save, session, transaction
from puqpanel.models import Company, Document, StoredFile
from puqpanel.operations.billing import logos, print_failures
from puqpanel.operations.billing.contents import content
from puqpanel.operations.billing.print_failures import LOGO, TEMPLATE
from puqpanel.operations.system.files import find_file

if TYPE_CHECKING:
    from puqpanel.infra.documents.pdf import Rendered

log = structlog.get_logger(__name__)
PDF_TYPE = "application/pdf"
FAILED = _("The file of %(number)s can't be made. The error was logged.")
BUSY = _("The file of %(number)s takes too long at the moment. Try again later.")


class UnprintableError(ConflictError):
    """A document can't be written as a file.

    Attributes:
        reason: why, for staff.
    """

    error_code = "unprintable"

    def __init__(self, document: Document, reason: str, text: Text = FAILED) -> None:
        kind = KIND_LABELS[DocumentKind(document.kind)]
        super().__init__(text % {"number": document.number or kind})
        self.reason = reason


def pdf(document: Document) -> bytes:
    """Return a document as PDF/A-3b, invoices and credit notes with Factur-X inside.

    The PDF of an issued document is kept, so that it stays the same although the company's logo or
    template changes. That of a draft is made anew; so is one that looks different only because the
    server was too busy for the company's template or logo.

    Args:
        document: with its lines and taxes.

    Raises:
        UnprintableError: it can't be rendered.
    """
    if document.digest and (kept := find_file(document.digest)) is not None:
        return kept.content
    company = document.company
    rendered = _rendered(document, company)
    if rendered.template_error is not None:
        log.warning("document template failed", company=company.name, error=rendered.template_error)
        print_failures.record(TEMPLATE, company, document.number or "", rendered.template_error)
    if rendered.logo_error is not None:
        log.warning("logo failed", company=company.name, error=rendered.logo_error)
        print_failures.record(LOGO, company, document.number or "", rendered.logo_error)
    if document.digest and not rendered.is_provisional:
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


def is_kept(digest: str) -> bool:
    """Return whether the PDF of a document is kept."""
    query = sa.select(StoredFile.digest).where(StoredFile.digest == digest)
    return session().scalar(query) is not None


def ubl(document: Document) -> bytes:
    """Return an invoice or credit note as UBL 2.1.

    Raises:
        ConflictError: it is a proforma or a draft.
        UnprintableError: it can't be written.
    """
    if document.kind == DocumentKind.PROFORMA or not document.digest:
        raise ConflictError(_("Only issued invoices and credit notes have UBL."))
    from puqpanel.infra.documents.ubl import ubl as written

    data = content(document)
    try:
        return written(data)
    except Exception as error:
        log.exception("UBL of a document failed", document=document.number)
        raise UnprintableError(document, str(error)) from error


def _rendered(document: Document, company: Company) -> Rendered:
    # slow to import, and most processes never need it
    from puqpanel.infra.documents.compiler import LimitError
    from puqpanel.infra.documents.pdf import render_pdf

    data, logo, template = content(document), logos.logo_of(company), company.template
    try:
        return render_pdf(data, logo=logo, template=template)
    except LimitError as error:
        log.warning("document takes too long", document=document.number, error=error)
        raise UnprintableError(document, str(error), BUSY) from error
    except Exception as error:
        log.exception("document can't be rendered", document=document.number)
        raise UnprintableError(document, str(error)) from error


def file_name(document: Document, extension: str) -> str:
    """Return the name of a document's file: its number with characters that any system accepts."""
    name = document.number or "draft"
    return (
        "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
        + extension
    )
