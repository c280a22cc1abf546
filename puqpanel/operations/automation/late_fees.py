"""Late fees: one invoice for each overdue invoice, if staff set a fee. It is not subject to VAT."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import cast

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import selectinload

from puqpanel.domain.document_states import OPEN
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.dunning import LATEST_REMINDER, LateFee, StepKind
from puqpanel.domain.errors import ConflictError, UserError
from puqpanel.domain.money import Money
from puqpanel.domain.principals import Principal
from puqpanel.domain.rates import convert
from puqpanel.domain.tax import TaxCategory, TaxGroup
from puqpanel.domain.texts import SOURCE, Text, _, using
from puqpanel.infra import catalogs
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Company, Document, Step
from puqpanel.operations.automation import steps
from puqpanel.operations.automation.stopped_runs import documents_left_alone
from puqpanel.operations.billing.bulk_issuing import Chunk, NewDocument, issue_new
from puqpanel.operations.billing.ledger import zone_day
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.system import currencies, settings

log = structlog.get_logger(__name__)
NO_TAX = _("A fee for late payment is not subject to VAT.")
MARK = "late_fee"
"""Key of the explanation of a line that is a late fee."""


@dataclass(frozen=True, slots=True)
class FeeDocument(NewDocument):
    """The invoice of a late fee.

    Args:
        late: the overdue invoice.
        day: the day in the time zone of its company.
    """

    late: Document | None = None
    day: date | None = None

    @property
    def invoice(self) -> Document:
        """The overdue invoice."""
        assert self.late is not None
        return self.late

    @property
    def overdue(self) -> bool:
        """Whether the due date of the invoice is over."""
        due_on = self.invoice.due_on
        return due_on is not None and due_on < zone_day(self.invoice.company.zone)

    @property
    def reason(self) -> Text:
        """Why it is issued."""
        amount = self.lines[0].amount
        return _("%(amount)s for late payment of %(number)s.", amount=amount, number=self.number)

    @property
    def number(self) -> str:
        """The number of the overdue invoice."""
        return self.invoice.number or ""


def due(*, day: date | None = None, company_uuid: str = "") -> list[FeeDocument]:
    """Return the late fees that are due; those of earlier days are left out after two days.

    Args:
        day: until which day; today in the zone of each company unless given.
        company_uuid: of one company only; all of them unless given.
    """
    rule = LateFee(settings.text("automation.fee"))
    if rule == LateFee.NONE:
        return []
    return list(_due(rule, day, company_uuid))


def issue(*, actor: Principal, day: date | None = None, company_uuid: str = "") -> int:
    """Issue the invoices of late fees that are due, each once, and return how many.

    Args:
        actor: who issues them.
        day: as for `due`.
        company_uuid: as for `due`.
    """

    def record(chunk: Chunk[NewDocument]) -> None:
        _claim([cast("FeeDocument", each) for each, _found in chunk.issued])

    found = [each for each in due(day=day, company_uuid=company_uuid) if each.overdue]
    results = issue_new(actor=actor, documents=found, record=record)
    for document, reason in results.refused:
        number = cast("FeeDocument", document).number
        log.warning("late fee not issued", document=number, reason=str(reason))
    return results.issued


def _due(rule: LateFee, day: date | None, company_uuid: str) -> Iterator[FeeDocument]:
    wait = timedelta(days=settings.number("automation.fee_days"))
    first = (day or now().date()) - wait - LATEST_REMINDER - timedelta(days=1)
    charged = sa.exists().where(
        *(Step.subject_type == "document", Step.subject_uuid == Document.uuid),
        Step.step == StepKind.FEE,
    )
    query = sa.select(Document).where(
        *(Document.status.in_(OPEN), Document.kind == DocumentKind.INVOICE, ~charged),
        Document.due_on.between(first, first + LATEST_REMINDER + timedelta(days=3)),
    )
    if company_uuid:
        query = query.join(Company, Company.id == Document.company_id)
        query = query.where(Company.uuid == company_uuid)
    query = query.options(selectinload(Document.lines)).order_by(Document.id)
    found = session().scalars(query.execution_options(populate_existing=True)).all()
    awaited = documents_left_alone({document.id for document in found})
    for document in found:
        today = day or zone_day(document.company.zone)
        on = (document.due_on or today) + wait
        is_due = on <= today <= on + LATEST_REMINDER
        is_fee = any(MARK in row.explanation for row in document.lines)
        if is_due and not is_fee and document.id not in awaited:
            try:
                amount = _amount(rule, document.open)
            except UserError as error:  # its currency has no exchange rate
                log.warning("no late fee", document=document.number, reason=str(error))
                continue
            if amount.minor > 0:
                yield _document(document, amount, today)


def _amount(rule: LateFee, unpaid: Money) -> Money:
    if rule == LateFee.PERCENT:
        return unpaid.scaled(Decimal(str(settings.get("automation.fee_percent"))) / 100)
    base = currencies.base_currency()
    amount = Money.from_major(Decimal(str(settings.get("automation.fee_amount"))), base)
    return convert(amount, unpaid.currency, currencies.rates())


def _document(late: Document, amount: Money, today: date) -> FeeDocument:
    with using(catalogs.find(late.client.language) or SOURCE):
        line = Line(
            str(_("Late fee for %(number)s", number=late.number)),
            amount.major,
            amount=amount,
            group=TaxGroup(TaxCategory.OUTSIDE_SCOPE, reason=str(NO_TAX)),
            explanation={MARK: late.number, "rule": settings.text("automation.fee")},
        )
    return FeeDocument(
        company_id=late.company_id,
        client_id=late.client_id,
        lines=[line],
        currency=late.currency,
        late=late,
        day=today,
    )


def _claim(found: list[FeeDocument]) -> None:
    """Claim the fees of a chunk in its transaction.

    Raises:
        ConflictError: an invoice was paid, or its fee issued, since it was read.
    """
    ids = [each.invoice.id for each in found]
    query = sa.select(Document.id).where(Document.id.in_(ids), Document.status.in_(OPEN))
    unpaid = set(session().scalars(query.order_by(Document.id).with_for_update()))
    claims = [
        steps.Claim(
            *("document", each.invoice.uuid, StepKind.FEE, each.day or now().date(), each.reason),
            each.invoice.id,
        )
        for each in found
    ]
    if len(unpaid) < len(found) or len(steps.claim_all(claims)) < len(found):
        raise ConflictError(_("The invoice was paid, or the fee was charged, in the meantime."))
