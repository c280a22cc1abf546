"""Suspensions, terminations and unsuspensions: claim the step and add its task, once.

The task asks the module, outside of any transaction. Until it does, a payment makes it do nothing.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from puqpanel.domain.document_states import DocumentStatus
from puqpanel.domain.dunning import StepKind, suspension_day
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.order_states import OrderStatus
from puqpanel.domain.principals import AUTOMATION, PrincipalKind
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.domain.task_states import OnLoss
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import retry_deadlocks, session, transaction
from puqpanel.models import (
    Audit,
    Document,
    DocumentLineRow,
    Order,
    OrderItem,
    Service,
    Step,
)
from puqpanel.operations.automation import prepaid_stops, service_steps, steps, unpaid_services
from puqpanel.operations.automation.unpaid_services import ServiceStep
from puqpanel.operations.billing.ledger import zone_day
from puqpanel.operations.ordering import contracts
from puqpanel.operations.provisioning.services import lock_service
from puqpanel.tasks import add

JOB = "StepJob"
TITLES = {
    StepKind.SUSPEND: _("Suspend an unpaid service"),
    StepKind.TERMINATE: _("Terminate an unpaid service"),
    StepKind.UNSUSPEND: _("Unsuspend a paid service"),
}
BUSY = _("Another operation of the service is in progress.")


@retry_deadlocks
@transaction()
def take(found: ServiceStep, day: date | None = None) -> bool:
    """Claim a step about a service and add its task, if it is still due.

    Args:
        found: the step as it was read.
        day: which day it is; today in the zone of the company unless given.

    Returns:
        Whether it was taken.
    """
    debt = found.debt
    contracts.lock(debt.service_uuid)
    current = service_steps.due_of(debt.service_uuid, day)
    if current is None or current.key != found.key or not current.debt.overdue:
        return False
    step = steps.claim(
        steps.Claim(
            *("service", debt.service_uuid, found.step, current.debt.today),
            current.reason,
            debt.document_id,
            debt.period,
        )
    )
    if step is not None:
        _add_task(step)
    return step is not None


@retry_deadlocks
@transaction()
def confirm(step_id: int) -> Step | None:
    """Return a claimed step that is still to be done; called by its task before it asks the module.

    A step that is no longer due is forgotten, so that it is taken again if it is due later.

    Raises:
        ConflictError: an operation of the service is in progress.
    """
    step = session().get(Step, step_id, populate_existing=True)
    if step is None or step.ended_at is not None:
        return None
    service = contracts.lock(step.subject_uuid)
    if step.step == StepKind.UNSUSPEND:
        if _suspending(service):
            raise ConflictError(BUSY)
        suspended = service.status == ServiceStatus.SUSPENDED
        return step if suspended and _liftable(service) is not None else None
    verb = str(step.step)
    if (service.provision_status == ProvisionStatus.PROCESSING and service.verb == verb) or (
        service.status == ServiceStatus.SUSPENDED and verb == StepKind.SUSPEND
    ):
        if not _requested(service, verb, step.created_at):
            session().delete(step)  # it was requested for another reason
        return None
    if service.provision_status == ProvisionStatus.PROCESSING:
        raise ConflictError(BUSY)
    current = service_steps.due_of(service.uuid, _day(step))
    if current is None or current.key != (step.subject_uuid, step.period, step.step):
        session().delete(step)
        return None
    return step


def lift(service_uuid: str) -> bool:
    """Claim the unsuspension of a service and add its task, if non-payment was the reason.

    Requires a transaction.

    Returns:
        Whether that was done: it is suspended for non-payment, and nothing is due any more.
    """
    service = lock_service(service_uuid)
    suspension = _liftable(service)
    if suspension is None:
        return False
    if service.status == ServiceStatus.ACTIVE and not _suspending(service):
        steps.end_suspension(service_uuid)  # it was paid before the module was asked
        return False
    document = suspension.document
    zone = document.company.zone if document else "UTC"
    number = document.number if document else ""
    reason = _("%(number)s is no longer unpaid.", number=number)
    if prepaid_stops.is_prepaid(suspension):
        reason = _("There is enough credit again, and the spending cap allows it.")
    wanted = steps.Claim(
        *("service", service_uuid, StepKind.UNSUSPEND, zone_day(zone)),
        reason,
        suspension.document_id,
        suspension.period,
    )
    step = steps.claim(wanted)
    if step is not None:
        _add_task(step)
    return step is not None


def lift_paid(name: str, payload: Any) -> None:
    """Unsuspend the services of an invoice that was paid or credited: a recorder of events.

    Also records that suspensions ended, whoever ended them.

    Args:
        name: the event.
        payload: its values.
    """
    if name in ("service.unsuspend_succeeded", "service.termination_succeeded"):
        steps.end_suspension(payload["service_uuid"])
    elif name == "service.provision_status_changed":
        if (payload["before"], payload["after"]) == ("suspended", "completed"):
            steps.end_suspension(payload["service_uuid"])
    elif name in ("invoice.paid", "invoice.refunded"):
        for service_uuid in _suspended_of(payload["invoice_uuid"]):
            lift(service_uuid)
    elif name == "payment.received":
        for service_uuid in prepaid_stops.suspended_of(payload["client_uuid"]):
            lift(service_uuid)


@retry_deadlocks
@transaction()
def lift_missed(service_uuid: str) -> bool:
    """Unsuspend a service as `lift` does, in a transaction of its own."""
    contracts.lock(service_uuid)
    return lift(service_uuid)


def to_lift(company_uuid: str = "") -> list[Service]:
    """Return services that are suspended for non-payment although nothing is due any more."""
    claimed = aliased(Step)
    done = sa.exists().where(
        *(claimed.subject_type == "service", claimed.subject_uuid == Step.subject_uuid),
        *(claimed.period == Step.period, claimed.step == StepKind.UNSUSPEND),
    )
    query = (
        sa.select(Service)
        .join(Step, sa.and_(Step.subject_type == "service", Step.subject_uuid == Service.uuid))
        .where(Step.step == StepKind.SUSPEND, Step.ended_at.is_(None), ~done)
        .where(Service.status == ServiceStatus.SUSPENDED)
        .order_by(Service.id)
    )
    if company_uuid:
        query = query.join(Document, Document.id == Step.document_id)
        query = query.where(Document.company.has(uuid=company_uuid))
    return [each for each in session().scalars(query).unique() if _liftable(each) is not None]


def _liftable(service: Service) -> Step | None:
    """Return the suspension of a service that is to be lifted; None if it is to stay."""
    step = steps.suspension_of(service.uuid)
    if step is None or service.status not in unpaid_services.RUNNING:
        return None
    if step.document is not None and step.document.status == DocumentStatus.WRITTEN_OFF:
        return None  # it was not paid: staff decide
    if prepaid_stops.is_prepaid(step) and not prepaid_stops.covered(service):
        return None
    debt = unpaid_services.debt_of(service)
    still_due = debt is not None and _suspended_for(service, debt)
    return None if still_due or _refused(service) else step


def _suspended_for(service: Service, debt: unpaid_services.Debt) -> bool:
    """Return whether a debt is a reason for a suspension: its day has come."""
    day = suspension_day(debt.due_on, service.product.suspend_after_days)
    return day is None or day <= debt.today


def _refused(service: Service) -> bool:
    """Return whether the order of a service was cancelled, or is marked as fraud."""
    query = (
        sa.select(Order.id)
        .join(OrderItem, OrderItem.order_id == Order.id)
        .where(OrderItem.service_id == service.id)
        .where(Order.status.in_((OrderStatus.FRAUD, OrderStatus.CANCELLED)))
    )
    return session().scalar(query.limit(1)) is not None


def _suspended_of(invoice_uuid: str) -> list[str]:
    """Return the services of an invoice that were suspended for non-payment."""
    query = (
        sa.select(Service.uuid)
        .join(DocumentLineRow, DocumentLineRow.service_id == Service.id)
        .join(Document, Document.id == DocumentLineRow.document_id)
        .join(Step, sa.and_(Step.subject_type == "service", Step.subject_uuid == Service.uuid))
        .where(Document.uuid == invoice_uuid)
        .where(Step.step == StepKind.SUSPEND, Step.ended_at.is_(None))
    )
    return sorted(set(session().scalars(query)))


def _suspending(service: Service) -> bool:
    processing = service.provision_status == ProvisionStatus.PROCESSING
    return processing and service.verb == StepKind.SUSPEND


def _requested(service: Service, verb: str, since: datetime) -> bool:
    """Return whether automation requested a verb of a service."""
    query = sa.select(Audit.actor_kind).where(
        Audit.subject_type == "service",
        Audit.subject_uuid == service.uuid,
        Audit.action == f"service.{verb}_requested",
        Audit.at >= since,
    )
    return session().scalar(query.order_by(Audit.id.desc()).limit(1)) == PrincipalKind.AUTOMATION


def _day(step: Step) -> date | None:
    """Return the day for which a step was taken, if that is still ahead."""
    zone = step.document.company.zone if step.document else "UTC"
    return step.day if step.day > zone_day(zone) else None


def _add_task(step: Step) -> None:
    title: Text = TITLES[StepKind(step.step)]
    add.add(
        job=JOB,
        queue="System",
        data={"service": step.subject_uuid, "step": step.id},
        title=title.source,
        subject_type="service",
        subject_uuid=step.subject_uuid,
        tries=20,
        backoff=60,
        on_loss=OnLoss.REPEAT,
        actor=AUTOMATION,
    )
