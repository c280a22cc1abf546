"""PDF templates and logos that failed for a document: recorded once, until they are changed."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from puqpanel.domain.document_states import KIND_LABELS
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import session, transaction
from puqpanel.models import Audit, Company
from puqpanel.operations.system import audit


@dataclass(frozen=True, slots=True)
class Part:
    """What documents of a company are printed with, and can be printed without.

    Args:
        column: of the company; empty if it has none of its own.
        changed: the action of the activity log after which it may work again.
        failed: the action that records a failure.
        text: what happened, with the number of the document and the error.
    """

    column: InstrumentedAttribute[str]
    changed: str
    failed: str
    text: Text


TEMPLATE = Part(
    Company.template,
    "company.template_changed",
    "company.template_failed",
    _("The PDF template failed for %(number)s, so the default template was used. %(error)s"),
)
LOGO = Part(
    Company.logo,
    "company.updated",
    "company.logo_failed",
    _("The logo could not be printed on %(number)s, so it was left out. %(error)s"),
)


def failures(part: Part) -> sa.Select[str, str, Text]:
    """Select UUID and name of the companies whose part failed since it was changed, and why."""
    last = (
        sa.select(sa.func.max(Audit.id))
        .where(
            Audit.subject_type == "company",
            Audit.subject_uuid == Company.uuid,
            Audit.action.in_((part.changed, part.failed)),
        )
        .correlate(Company)
        .scalar_subquery()
    )
    return (
        sa.select(Company.uuid, Company.name, Audit.summary)
        .join(Audit, Audit.id == last)
        .where(part.column != "", Audit.action == part.failed)
    )


def failure(part: Part, company: Company) -> Text | str:
    """Return why a document was printed without a part; empty if none was."""
    found = session().execute(failures(part).where(Company.id == company.id)).first()
    return found.summary if found else ""


def record(part: Part, company: Company, number: str, error: Exception) -> None:
    """Record the first document that was printed without a part since it was changed.

    Args:
        part: what failed.
        company: whose it is.
        number: of the document; empty for a draft.
        error: why.
    """
    if failure(part, company):
        return
    shown = number or KIND_LABELS[DocumentKind.INVOICE]
    with transaction():
        audit.record(
            actor=AUTOMATION,
            action=part.failed,
            subject_type="company",
            subject_uuid=company.uuid,
            summary=part.text % {"number": shown, "error": str(error)},
        )
