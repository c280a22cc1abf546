"""Reminders of unpaid documents, and the event that one became overdue: each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from puqpanel.domain.document_states import OPEN
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.dunning import LATEST_REMINDER, StepKind, offsets, reminder_due
from puqpanel.domain.texts import Text, _, _n
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import Client, Company, Document, Step
from puqpanel.operations.automation import steps
from puqpanel.operations.billing.documents import is_funds
from puqpanel.operations.billing.ledger import zone_day
from puqpanel.operations.system import batches, settings

CHUNK = 100
"""Documents in a transaction."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DocumentStep:
    """A step about a document that is due.

    Args:
        step: OVERDUE or REMINDER.
        document_id: the document.
        uuid: the document.
        number: the document.
        due_on: the last day for payment.
        client: the name of the client.
        client_uuid: the client.
        company: the name of the company.
        today: the day in the time zone of the company, or another one that was asked for.
        overdue: whether the due date is over; it need not be on another day that was asked for.
        days: of a reminder: days from the due date on which it is due, negative before it.
    """

    step: StepKind
    document_id: int
    uuid: str
    number: str
    due_on: date
    client: str
    client_uuid: str
    company: str
    today: date
    overdue: bool
    days: int = 0

    @property
    def period(self) -> str:
        """What the step belongs to."""
        return f"{self.days:+}" if self.step == StepKind.REMINDER else ""

    @property
    def pair(self) -> tuple[str, str]:
        """How a stopped run names the step."""
        return self.uuid, self.period

    @property
    def reason(self) -> Text:
        """Why it is due."""
        if self.step == StepKind.OVERDUE:
            return _("Not paid by %(day)s.", day=self.due_on)
        if self.days < 0:
            return _n(
                "%(num)s day before the due date.", "%(num)s days before the due date.", -self.days
            )
        return _n("%(num)s day after the due date.", "%(num)s days after the due date.", self.days)


def due(*, day: date | None = None, company_uuid: str = "") -> list[DocumentStep]:
    """Return the steps about documents that are due.

    Args:
        day: until which day; today in the zone of each company unless given.
        company_uuid: of one company only; all of them unless given.
    """
    found = [*_overdue(day, company_uuid), *_reminders(day, company_uuid)]
    return sorted(found, key=lambda each: each.document_id)


def carry_out(found: Sequence[DocumentStep]) -> int:
    """Take steps about documents, each once, and return how many were taken.

    A document is not reported as overdue before it is.
    """
    found = [each for each in found if each.overdue or each.step != StepKind.OVERDUE]
    chunks = [(found[at : at + CHUNK],) for at in range(0, len(found), CHUNK)]
    return batches.carry_out(_take, chunks)


@retry_deadlocks
@transaction()
def _take(chunk: Sequence[DocumentStep]) -> int:
    """Record steps and raise their events, except about documents that were paid meanwhile."""
    ids = {each.document_id for each in chunk}
    query = sa.select(Document.id).where(Document.id.in_(ids), Document.status.in_(OPEN))
    unpaid = set(session().scalars(query.order_by(Document.id).with_for_update()))
    claims = [
        steps.Claim(
            "document", each.uuid, each.step, each.today, each.reason, each.document_id, each.period
        )
        for each in chunk
        if each.document_id in unpaid
    ]
    taken = steps.claim_all(claims)
    for each in chunk:
        if (each.uuid, each.period, each.step.value) not in taken:
            continue
        payload = {"invoice_uuid": each.uuid, "client_uuid": each.client_uuid}
        if each.step == StepKind.OVERDUE:
            raise_event("invoice.overdue", payload)
        else:
            raise_event("invoice.reminder", {**payload, "days": each.days})
    return len(taken)


def _overdue(day: date | None, company_uuid: str) -> list[DocumentStep]:
    recorded = sa.exists().where(
        Step.subject_type == "document",
        Step.subject_uuid == Document.uuid,
        Step.step == StepKind.OVERDUE,
    )
    last = day or now().date() + DAY
    rows = session().execute(_unpaid(company_uuid).where(Document.due_on < last, ~recorded))
    return [
        _step(StepKind.OVERDUE, row, today)
        for row in rows
        if row.due_on < (today := day or zone_day(row.zone))
    ]


def _reminders(day: date | None, company_uuid: str) -> list[DocumentStep]:
    days = [-each for each in offsets(settings.text("automation.reminders_before"))]
    days += offsets(settings.text("automation.reminders_after"))
    if not days:
        return []
    around = day or now().date()
    near = [
        Document.due_on.between(
            around - timedelta(each) - LATEST_REMINDER - DAY, around - timedelta(each) + DAY
        )
        for each in days
    ]
    rows = session().execute(_unpaid(company_uuid).where(sa.or_(*near))).all()
    wanted = [
        _step(StepKind.REMINDER, row, today, offset)
        for row in rows
        if (today := day or zone_day(row.zone))
        and (offset := reminder_due(row.due_on, row.issued_on, today, days)) is not None
    ]
    taken: set[steps.Key] = set()
    for at in range(0, len(wanted), 500):
        taken |= steps.taken("document", [each.uuid for each in wanted[at : at + 500]])
    return [each for each in wanted if (each.uuid, each.period, each.step.value) not in taken]


def _unpaid(company_uuid: str) -> sa.Select[*tuple[object, ...]]:
    """Select unpaid documents, without proformas for funds."""
    query = (
        sa.select(
            *(Document.id, Document.uuid, Document.number, Document.due_on, Document.issued_on),
            *(Client.name.label("client"), Client.uuid.label("client_uuid")),
            *(Company.name.label("company"), Company.zone),
        )
        .join(Client, Client.id == Document.client_id)
        .join(Company, Company.id == Document.company_id)
        .where(Document.status.in_(OPEN), Document.kind != DocumentKind.CREDIT_NOTE, ~is_funds())
    )
    return query.where(Company.uuid == company_uuid) if company_uuid else query


def _step(
    step: StepKind, row: sa.Row[*tuple[object, ...]], today: date, days: int = 0
) -> DocumentStep:
    names = ("uuid", "number", "due_on", "client", "client_uuid", "company")
    values = {name: getattr(row, name) for name in names}
    overdue = values["due_on"] < zone_day(row.zone)
    return DocumentStep(step, row.id, today=today, overdue=overdue, days=days, **values)
