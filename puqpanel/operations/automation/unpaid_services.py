"""Which services are suspended, terminated or unsuspended, and when: by their unpaid documents.

A service is judged by the oldest of its documents that is overdue. Documents of changes do not
count, because a change that is not paid in time is dropped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.document_states import OPEN
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.dunning import StepKind, suspension_day, termination_day
from puqpanel.domain.service_states import VERBS, ServiceStatus
from puqpanel.domain.texts import Text, _
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Client, Company, Document, DocumentLineRow, Product, Service
from puqpanel.operations.automation import steps
from puqpanel.operations.automation.stopped_runs import documents_left_alone
from puqpanel.operations.billing.ledger import zone_day
from puqpanel.operations.billing.uncredited import creditable
from puqpanel.operations.system import settings

RUNNING = (ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED)
AHEAD = timedelta(days=4)
"""How long before the day after the due date pages tell what follows."""
READ = 500
"""Services whose rows are read at once."""


@dataclass(frozen=True, slots=True)
class Debt:
    """The oldest document of a service that is not paid.

    Args:
        service_id: the service.
        service_uuid: the service.
        service: its name.
        client: the name of its client.
        company: the name of the company.
        document_id: the document; None for a prepaid service.
        document_uuid: the document; empty for a prepaid service.
        number: the document.
        due_on: the last day for payment.
        today: the day in the time zone of the company, or another one that was asked for.
        overdue: whether the due date is over.
        suspend_on: when the service is suspended; None for never, or if it is suspended.
        terminate_on: when it is terminated; None for never.
        prepaid: what the steps about a prepaid service belong to; empty for documents.
        prepaid_reason: why a prepaid service is suspended.
    """

    service_id: int
    service_uuid: str
    service: str
    client: str
    company: str
    document_id: int | None
    document_uuid: str
    number: str
    due_on: date
    today: date
    overdue: bool
    suspend_on: date | None
    terminate_on: date | None
    prepaid: str = ""
    prepaid_reason: Text | None = None

    @property
    def period(self) -> str:
        """What the steps belong to."""
        return self.prepaid or self.document_uuid


@dataclass(frozen=True, slots=True)
class ServiceStep:
    """A step about a service that is due.

    Args:
        step: SUSPEND or TERMINATE.
        debt: why.
    """

    step: StepKind
    debt: Debt

    @property
    def key(self) -> steps.Key:
        """What identifies the step."""
        return self.debt.service_uuid, self.debt.period, self.step.value

    @property
    def pair(self) -> tuple[str, str]:
        """How a stopped run names the step."""
        return self.debt.service_uuid, self.step.value

    @property
    def today(self) -> date:
        """The day in the time zone of the company, or another one that was asked for."""
        return self.debt.today

    @property
    def reason(self) -> Text:
        """Why it is due."""
        if self.debt.prepaid_reason is not None:
            return self.debt.prepaid_reason
        return _(
            "%(number)s was due on %(day)s and is not paid.",
            number=self.debt.number,
            day=self.debt.due_on,
        )


def due(*, day: date | None = None, company_uuid: str = "") -> list[ServiceStep]:
    """Return the suspensions and terminations that are due, the longest overdue first.

    Args:
        day: until which day; today in the zone of each company unless given.
        company_uuid: of one company only; all of them unless given.
    """
    where = [_ready(), sa.or_(_DAYS[0].is_not(None), _DAYS[1].is_not(None))]
    if company_uuid:
        where.append(Company.uuid == company_uuid)
    found = [each for debt in debts(*where, day=day) if (each := _step(debt)) is not None]
    found = _without_awaited(_without_taken(found))
    return sorted(found, key=lambda each: (each.debt.due_on, each.debt.service_id))


def due_of(service_uuid: str, day: date | None = None) -> ServiceStep | None:
    """Return which step about a service is due, even if it was taken; None if none is."""
    found = [_step(debt) for debt in debts(Service.uuid == service_uuid, _ready(), day=day)]
    return next(iter(_without_awaited([each for each in found if each is not None])), None)


def debt_of(service: Service) -> Debt | None:
    """Return the oldest overdue document of a service in use; None if there is none."""
    return next(debts(Service.id == service.id), None)


def upcoming(service: Service) -> Debt | None:
    """Return what a service in use is suspended or terminated for if it is not paid.

    None if it is not due within some days, if staff unsuspended the service, or if automatic
    suspensions are off.
    """
    product = service.product
    if product.suspend_after_days is None and product.terminate_after_days is None:
        return None
    if not settings.get("automation.suspensions"):
        return None
    found = next(debts(Service.id == service.id, ahead=AHEAD), None)
    if found is None:
        return None
    taken = steps.taken("service", [service.uuid])
    key = (found.service_uuid, found.document_uuid)
    if (*key, StepKind.SUSPEND.value) in taken and service.status == ServiceStatus.ACTIVE:
        return None  # staff unsuspended it
    if found.suspend_on is None and found.terminate_on is None:
        return None
    if found.suspend_on is None or found.suspend_on >= found.today:
        return found
    late = found.today - found.suspend_on  # it is still to be suspended, so all is later
    terminate_on = found.terminate_on + late if found.terminate_on else None
    return replace(found, suspend_on=found.today, terminate_on=terminate_on)


def debts(
    *where: sa.ColumnElement[bool], day: date | None = None, ahead: timedelta = timedelta()
) -> Iterator[Debt]:
    """Return the oldest overdue document of each service in use that has one.

    Args:
        where: conditions of services, products, documents and companies.
        day: which day it is; today in the zone of each company unless given.
        ahead: also documents that are due within this time.
    """
    last = (day or now().date() + timedelta(days=1)) + ahead
    query = _lines().where(Document.due_on < last, *where)
    for _service_id, rows in groupby(session().execute(query).all(), lambda row: row.service_id):
        for _document_id, lines in groupby(rows, lambda row: row.document_id):
            each = list(lines)
            today = day or zone_day(each[0].zone)
            if each[0].due_on < today + ahead and _owed(each):
                yield _debt(each[0], today)
                break


_DAYS = (Product.suspend_after_days, Product.terminate_after_days)


def _lines() -> sa.Select[*tuple[Any, ...]]:
    """Select the lines of unpaid documents for services in use, by service and due date."""
    service = (Service.id.label("service_id"), Service.uuid.label("service_uuid"), Service.status)
    document = (Document.id.label("document_id"), Document.uuid.label("document_uuid"))
    return (
        sa.select(
            *service,
            *(Service.name.label("service"), Service.status_since),
            *document,
            *(Document.number, Document.due_on, Document.kind, Document.credited_minor),
            *(DocumentLineRow.position, DocumentLineRow.net_minor, DocumentLineRow.explanation),
            *(Client.name.label("client"), Company.name.label("company"), Company.zone),
            *(_DAYS[0].label("suspend_days"), _DAYS[1].label("terminate_days")),
        )
        .join(DocumentLineRow, DocumentLineRow.service_id == Service.id)
        .join(Document, Document.id == DocumentLineRow.document_id)
        .join(Company, Company.id == Document.company_id)
        .join(Client, Client.id == Service.client_id)
        .join(Product, Product.id == Service.product_id)
        .where(
            Document.status.in_(OPEN),
            Document.kind.in_((DocumentKind.INVOICE, DocumentKind.PROFORMA)),
            Document.client_id == Service.client_id,  # a transfer leaves them with the other
            Service.status.in_(RUNNING),
        )
        .order_by(Service.id, Document.due_on, Document.id)
    )


def _owed(lines: Sequence[Any]) -> bool:
    """Return whether a document asks for something for a service, apart from changes."""
    rows = [row for row in lines if "change" not in row.explanation]
    if rows and rows[0].credited_minor and rows[0].kind == DocumentKind.INVOICE:
        document = session().get_one(Document, rows[0].document_id)
        left = creditable(document)
        return sum(left[row.position].minor for row in rows) > 0
    return sum(int(row.net_minor) for row in rows) > 0


def _debt(row: Any, today: date) -> Debt:
    names = (
        *("service_id", "service_uuid", "service", "client", "company"),
        *("document_id", "document_uuid", "number", "due_on"),
    )
    suspended = row.status == ServiceStatus.SUSPENDED
    since = zone_day(row.zone, row.status_since) if suspended else None
    suspend_on = suspension_day(row.due_on, row.suspend_days)
    return Debt(
        **{name: getattr(row, name) for name in names},
        today=today,
        overdue=row.due_on < zone_day(row.zone),
        suspend_on=None if suspended else suspend_on,
        terminate_on=termination_day(row.due_on, row.suspend_days, row.terminate_days, since),
    )


def _step(debt: Debt) -> ServiceStep | None:
    """Return which step is due for a debt: a suspension comes before a termination."""
    suspend, terminate = debt.suspend_on, debt.terminate_on
    if suspend is not None and (terminate is None or suspend < terminate):
        return ServiceStep(StepKind.SUSPEND, debt) if suspend <= debt.today else None
    due = terminate is not None and terminate <= debt.today
    return ServiceStep(StepKind.TERMINATE, debt) if due else None


def _ready() -> sa.ColumnElement[bool]:
    """Return the condition of services that can be suspended or terminated now."""
    return Service.provision_status.in_(VERBS["suspend"].provision)


def _without_taken(found: Sequence[ServiceStep]) -> list[ServiceStep]:
    taken: set[steps.Key] = set()
    for at in range(0, len(found), READ):
        taken |= steps.taken("service", [each.debt.service_uuid for each in found[at : at + READ]])
    return [each for each in found if each.key not in taken]


def _without_awaited(found: Sequence[ServiceStep]) -> list[ServiceStep]:
    """Leave out services with an unpaid document whose payment is awaited."""
    kept: list[ServiceStep] = []
    for at in range(0, len(found), READ):
        chunk = found[at : at + READ]
        open_ids = _open_ids([each.debt.service_id for each in chunk])
        awaited = documents_left_alone({each for ids in open_ids.values() for each in ids})
        kept += [each for each in chunk if not awaited & open_ids.get(each.debt.service_id, set())]
    return kept


def _open_ids(service_ids: Collection[int]) -> dict[int, set[int]]:
    """Return the unpaid documents of services, by service."""
    query = (
        sa.select(DocumentLineRow.service_id, Document.id)
        .join(Document, Document.id == DocumentLineRow.document_id)
        .where(DocumentLineRow.service_id.in_(service_ids), Document.status.in_(OPEN))
    )
    found: dict[int, set[int]] = {}
    for service_id, document_id in session().execute(query):
        found.setdefault(service_id or 0, set()).add(document_id)
    return found
