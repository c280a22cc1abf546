"""The documents of changes of services: what is due for a change, with the unused days credited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import sqlalchemy as sa

from puqpanel.domain.changes import UNUSED, Effect
from puqpanel.domain.document_states import OPEN, DocumentStatus
from puqpanel.domain.pricing import QuoteLine
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.db import session
from puqpanel.models import Change, Document, Service
from puqpanel.operations.billing import issuing
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.ordering.plans import Plan, billed_to
from puqpanel.operations.ordering.quotes import document_line

PAY_WITHIN = timedelta(days=2)
"""How long a change waits for payment if no charged day of its service is left."""


def of(change: Change) -> Sequence[Document]:
    """Return the document of a change, and the invoice of its proforma, if open or paid."""
    if change.document_id is None:
        return ()
    query = sa.select(Document).where(
        sa.or_(Document.id == change.document_id, Document.origin_id == change.document_id),
        Document.status.in_((*OPEN, DocumentStatus.PAID)),
    )
    return session().scalars(query.order_by(Document.id)).all()


def is_needed(plan: Plan) -> bool:
    """Return whether a change has a document: one to pay, or one that records a new period.

    A new period of which exactly the unused days are the price is an invoice of zero.
    """
    settlement = plan.settlement
    if settlement.effect == Effect.WHEN_PAID:
        return True
    starts = settlement.effect == Effect.AT_ONCE and settlement.paid_until is not None
    return starts and any(line.amount for line in settlement.quote.lines)


def issue(actor: Principal, change: Change, plan: Plan) -> None:
    """Issue the document of what is due."""
    service, client = change.service, change.service.client
    quote = plan.settlement.quote
    lines = [_line(line, change) for line in quote.lines]
    document = issuing.issue_quoted(
        actor, plan.company, client, lines, quote.total, address=billed_to(service)
    )
    change.document_id, change.document = document.id, document
    change.expires_on = _last_day(document, service)


def _line(line: QuoteLine, change: Change) -> Line:
    credit = line.part == UNUSED
    product = change.service.product if credit else change.product
    found = document_line(
        line,
        service_id=change.service_id,
        tax_class=product.tax_class,
        details=change.service.name,
    )
    return replace(
        found,
        description=str(_("Unused days: %(name)s", name=line.label))
        if credit
        else found.description,
        details=found.details or (change.service.name if credit else ""),
        group=line.group,
        explanation={**found.explanation, "change": change.uuid},
    )


def _last_day(document: Document, service: Service) -> date | None:
    """Return the last day on which a change can be paid: within the days that it was priced for."""
    if service.paid_until is None or document.issued_on is None or document.due_on is None:
        return document.due_on
    if service.paid_until <= document.issued_on:  # its next period is due
        return min(document.due_on, document.issued_on + PAY_WITHIN)
    return min(document.due_on, service.paid_until - timedelta(days=1))
