"""Logos of companies: stored if they can be printed, and reported if a document had to omit one."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.document_states import KIND_LABELS
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import InvalidInput, UserError
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import session, transaction
from puqpanel.models import Audit, Company
from puqpanel.operations.system import audit
from puqpanel.operations.system.files import find_file, store_image

CHANGED, FAILED = "company.updated", "company.logo_failed"


def store_logo(content: bytes) -> str:
    """Store the logo of a company and return its digest.

    Raises:
        InvalidInput: it can't be printed on documents.
    """
    from puqpanel.infra.documents.pdf import check_logo  # slow to import

    try:
        check_logo(content)
        return store_image(content)
    except UserError as error:
        raise InvalidInput({"logo_file": [error.text]}) from None


def logo_of(company: Company) -> bytes:
    """Return the logo of a company; empty if it has none."""
    logo = find_file(company.logo) if company.logo else None
    return logo.content if logo else b""


def failures() -> sa.Select[str, str, Text]:
    """Select UUID and name of the companies whose logo was omitted since they changed, and why."""
    last = (
        sa.select(sa.func.max(Audit.id))
        .where(
            Audit.subject_type == "company",
            Audit.subject_uuid == Company.uuid,
            Audit.action.in_((CHANGED, FAILED)),
        )
        .correlate(Company)
        .scalar_subquery()
    )
    return (
        sa.select(Company.uuid, Company.name, Audit.summary)
        .join(Audit, Audit.id == last)
        .where(Company.logo != "", Audit.action == FAILED)
    )


def failure(company: Company) -> Text | str:
    """Return why a document was made without the company's logo; empty if none was."""
    found = session().execute(failures().where(Company.id == company.id)).first()
    return found.summary if found else ""


def record_failure(company: Company, number: str, error: Exception) -> None:
    """Record the first document after a company was saved that was made without its logo."""
    if failure(company):
        return
    with transaction():
        audit.record(
            actor=AUTOMATION,
            action=FAILED,
            subject_type="company",
            subject_uuid=company.uuid,
            summary=_(
                "The logo could not be printed on %(number)s, so it was left out. %(error)s",
                number=number or KIND_LABELS[DocumentKind.INVOICE],
                error=str(error),
            ),
        )
