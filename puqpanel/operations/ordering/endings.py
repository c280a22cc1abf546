"""End services: at once or at the end of the period that was charged, taken back until then.

A request is a row. The scheduler starts what is due: in one transaction it claims the request,
takes back documents that need not be paid any more, and adds the task that asks the module to
terminate the service. A service that ended in another way ends its request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.charges import COVERS_DAYS
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.ending_states import EndingStatus
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.permissions import SERVICES_TERMINATE
from puqpanel.domain.principals import AUTOMATION, Principal, PrincipalKind
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.domain.task_states import OnLoss
from puqpanel.domain.texts import SOURCE, Text, _
from puqpanel.infra import catalogs
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, save, session, transaction, write
from puqpanel.models import Charge, Document, Ending, Service
from puqpanel.operations.billing.uncredited import creditable
from puqpanel.operations.ordering import changes, contracts
from puqpanel.operations.ordering.cancellation import (
    cancel_service,
    close_order,
    credit_service,
    leave_out,
    return_to_stock,
    take_back,
)
from puqpanel.operations.ordering.contracts import ENDED
from puqpanel.operations.ordering.orders import WAITS
from puqpanel.operations.provisioning.services import find_service
from puqpanel.operations.system import audit, batches
from puqpanel.tasks import add

MAX_REASON_LENGTH = 500
TERMINATED = "service.termination_succeeded"
"""The event after a service was terminated at its provider."""
CHUNK = 200
NOT_POSSIBLE = _("This service can't be cancelled now. Contact support.")


def days_of(services: Iterable[Service]) -> Mapping[int, date]:
    """Return on which day services end, by their id; those without a request are left out."""
    ids = [service.id for service in services if service.status not in ENDED]
    query = sa.select(Ending.service_id, Ending.ends_on)
    rows = session().execute(query.where(Ending.service_id.in_(ids), Ending.live.is_(True)))
    return {row.service_id: row.ends_on for row in rows}


def period_end(service: Service) -> date | None:
    """Return the end of the charged period; None if it can only end at once.

    Periods that are charged but not paid need not be used: the service can end before them.
    """
    running = service.status in (ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED)
    today = contracts.day_of(service.client)
    if not running or service.paid_until is None or service.paid_until <= today:
        return None
    unpaid = _unpaid_starts(service)
    first = min((day for day in unpaid.values() if day > today), default=None)
    if first is None:
        return service.paid_until
    paid = sa.select(Charge.id).where(
        Charge.service_id == service.id,
        Charge.live.is_(True),
        Charge.kind.in_(COVERS_DAYS),
        Charge.period_end > first,
        Charge.document_id.not_in(unpaid),
    )
    return service.paid_until if session().scalar(paid.limit(1)) else first


def _unpaid_starts(service: Service) -> dict[int, date]:
    """Return the first day that unpaid documents ask for, by their ids, without changes.

    What was paid of an invoice becomes credit if it is credited; a partly paid proforma stays.
    """
    starts: dict[int, date] = {}
    for document in contracts.open_documents(service):
        if document.kind == DocumentKind.PROFORMA and document.paid_minor:
            continue
        left = creditable(document) if document.kind == DocumentKind.INVOICE else {}
        days = [
            row.period_start
            for row in document.lines
            if row.service_id == service.id
            and row.period_start is not None
            and "change" not in row.explanation
            and left.get(row.position, True)
        ]
        if days:
            starts[document.id] = min(days)
    return starts


def is_unused(service: Service) -> bool:
    """Return whether a service was never provisioned, so that cancelling it costs nothing."""
    return (service.status, service.provision_status) == WAITS


def released_documents(
    service: Service, day: date, *, unused: bool | None = None
) -> list[Document]:
    """Return the unpaid documents that need not be paid if a service ends on a day.

    These are documents for nothing but this service of which nothing was paid: for days from that
    day on, or for a service that was never provisioned.

    Args:
        service: the service.
        day: the first day without it.
        unused: whether it was never provisioned; as its status says unless given.
    """
    unused = is_unused(service) if unused is None else unused
    return [
        document
        for document in contracts.open_documents(service)
        if not document.paid_minor
        and all(row.service_id == service.id for row in document.lines)
        and (unused or all(row.period_start and row.period_start >= day for row in document.lines))
    ]


@retry_deadlocks
@transaction()
def request(*, actor: Principal, service_uuid: str, at_once: bool, reason: str) -> Ending:
    """Request the end of a service.

    Args:
        actor: staff, or a user of the client.
        service_uuid: the service.
        at_once: today; otherwise at the end of the period that was charged.
        reason: why; staff must give one.

    Raises:
        ConflictError: it ends already, has ended, or has no charged period to end with.
        InvalidInput: the reason is missing or too long.
        PermissionDenied: the actor may not.
    """
    service = contracts.enter(actor, service_uuid, SERVICES_TERMINATE)
    reason = _clean_reason(actor, reason)
    _check_ends(actor, service)
    day = contracts.day_of(service.client) if at_once else period_end(service)
    if day is None:
        raise ConflictError(_("No paid period is left. Cancel the service immediately."))
    ending = save(
        Ending(
            service_id=service.id,
            service=service,
            ends_on=day,
            reason=reason,
            requested_by=actor.name[:200],
        )
    )
    summary = _("Cancellation requested for %(day)s.", day=day)
    _record(actor, ending, "service.ending_requested", summary)
    if (change := contracts.change_of(service)) is not None:
        changes.drop(actor, change, _("Change to %(plan)s dropped: the service was cancelled."))
    if at_once:
        _start(ending)
    return ending


@retry_deadlocks
@transaction()
def withdraw(*, actor: Principal, service_uuid: str) -> None:
    """Take back the request to end a service.

    Raises:
        ConflictError: there is none, or its day has come.
        PermissionDenied: the actor may not.
    """
    service = contracts.enter(actor, service_uuid, SERVICES_TERMINATE)
    ending = contracts.ending_of(service)
    if ending is None:
        raise ConflictError(_("This service has no cancellation to withdraw."))
    if not _move(ending, EndingStatus.WITHDRAWN, live=None):
        raise ConflictError(_("The service is being terminated. It's too late to keep it."))
    _record(actor, ending, "service.ending_withdrawn", _("Cancellation withdrawn."))


def carry_out_due() -> int:
    """Start the requests whose day has come, and close those of services that have ended.

    One that fails is logged and left for the next run; the Health page shows it once it is overdue.

    Returns:
        How many were started or closed.
    """
    ended = (
        sa.select(Ending.id)
        .join(Service, Service.id == Ending.service_id)
        .where(Ending.live.is_(True), Service.status.in_(ENDED))
        .limit(CHUNK)
    )
    closed = 0
    if ids := session().scalars(ended).all():
        values = {"status": EndingStatus.ENDED, "live": None}
        closed = write(sa.update(Ending).where(Ending.id.in_(ids)).values(values))
    tomorrow = now().date() + timedelta(days=1)  # today somewhere in the world
    query = (
        sa.select(Ending.id, Service.uuid)
        .join(Service, Service.id == Ending.service_id)
        .where(Ending.status == EndingStatus.SCHEDULED, Ending.ends_on <= tomorrow)
        .order_by(Ending.id)
        .limit(CHUNK)
    )
    last, started = 0, 0
    while rows := session().execute(query.where(Ending.id > last)).all():
        last = rows[-1].id
        started += batches.carry_out(_start_due, rows)
    return closed + started


@retry_deadlocks
@transaction()
def _start_due(ending_id: int, service_uuid: str) -> bool:
    service = contracts.lock(service_uuid)
    ending = session().get(Ending, ending_id, populate_existing=True)
    if ending is None or ending.ends_on > contracts.day_of(service.client):
        return False
    return _start(ending)


def record_cancelled(name: str, payload: Any) -> None:
    """Return an ordered service that staff cancelled to stock: a recorder of the panel's events.

    What was charged for it, or for days after its termination, is taken back by a task, because
    that locks the client first.

    Args:
        name: the event.
        payload: its values.
    """
    if name == TERMINATED:
        service = find_service(payload["service_uuid"])
        if contracts.open_documents(service):
            _add_task(service, "CancelledJob", _("Credit a terminated service"))
    if name != "service.cancellation_succeeded":
        return
    service = find_service(payload["service_uuid"])
    service.paid_until = None
    if not return_to_stock(service):
        return
    _add_task(service, "CancelledJob", _("Credit a cancelled service"))


@retry_deadlocks
@transaction()
def settle_cancelled(service_uuid: str) -> None:
    """Take back what was charged for a service that was cancelled, and close its order.

    For a service that was terminated, this is what unpaid documents ask for days from today on.
    Safe to repeat. Services are cancelled only before they were provisioned.
    """
    service = contracts.lock(service_uuid)
    if service.status == ServiceStatus.TERMINATED:
        _take_back(service, contracts.day_of(service.client), unused=False)
    if service.status == ServiceStatus.CANCELLED:
        _take_back(service, contracts.day_of(service.client), unused=True)


def _clean_reason(actor: Principal, reason: str) -> str:
    reason = " ".join(reason.split())
    if actor.kind is not PrincipalKind.USER and not reason:
        raise InvalidInput({"reason": [_("Enter a reason.")]})
    if len(reason) > MAX_REASON_LENGTH:
        text = _("Enter at most %(limit)s characters.", limit=MAX_REASON_LENGTH)
        raise InvalidInput({"reason": [text]})
    return reason


def _check_ends(actor: Principal, service: Service) -> None:
    if service.status in ENDED:
        raise ConflictError(_("This service has ended."))
    if (ending := contracts.ending_of(service)) is not None:
        text = _("This service is already set to end on %(day)s.", day=ending.ends_on)
        raise ConflictError(text)
    if service.status == ServiceStatus.FRAUD and actor.kind is PrincipalKind.USER:
        raise ConflictError(NOT_POSSIBLE)


def _start(ending: Ending) -> bool:
    """End a service whose client and row are locked; return False if that was started before."""
    service = ending.service
    if service.status in ENDED or not _move(ending, EndingStatus.STARTED, live=True):
        return False
    unused = is_unused(service)
    if unused:
        cancel_service(service)  # first, so that an invoice that is settled thereby finds it ended
    # one that was requested for a later day ends before days that may have been paid since
    requested = contracts.day_of(service.client, ending.created_at)
    _take_back(service, ending.ends_on, unused=unused, paid=ending.ends_on > requested)
    if unused:
        ending.status, ending.live = EndingStatus.ENDED, None
        _record(AUTOMATION, ending, "service.ended", _("Cancelled before it was provisioned."))
        return True
    _add_task(service, "EndJob", _("End a cancelled service"))
    return True


def _add_task(service: Service, job: str, title: Text) -> None:
    add.add(
        job=job,
        queue="System",
        data={"service": service.uuid},
        title=title.source,
        subject_type="service",
        subject_uuid=service.uuid,
        tries=10,
        backoff=300,
        on_loss=OnLoss.REPEAT,
        actor=AUTOMATION,
    )


def _take_back(service: Service, day: date, *, unused: bool, paid: bool = False) -> None:
    """Take back what need not be paid for a locked service that ends on a day.

    Args:
        service: the service.
        day: the first day without it.
        unused: whether it was never provisioned.
        paid: whether to credit days from then on also if they were paid.
    """
    language = catalogs.find(service.client.language) or SOURCE
    reason = _("Service cancelled").translated(language)
    for document in released_documents(service, day, unused=unused):
        take_back(AUTOMATION, document, reason)
    leave_out(service, reason, None if unused else day)
    credit_service(service, reason, None if unused else day, paid=paid)
    if unused:
        close_order(service, reason)


def _move(ending: Ending, status: EndingStatus, *, live: bool | None) -> bool:
    """Set the status of a scheduled request in one statement; return False if it was another."""
    statement = (
        sa.update(Ending)
        .where(Ending.id == ending.id, Ending.status == EndingStatus.SCHEDULED)
        .values(status=status, live=live)
        .execution_options(synchronize_session=False)
    )
    moved = bool(session().execute(statement).rowcount)  # type: ignore[attr-defined]
    session().refresh(ending)
    return moved


def _record(actor: Principal, ending: Ending, action: str, summary: Text) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_type="service",
        subject_uuid=ending.service.uuid,
        summary=summary,
        after={"ends_on": ending.ends_on.isoformat(), "reason": ending.reason},
    )
