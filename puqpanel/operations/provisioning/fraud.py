"""Services under review for fraud: staff mark them, and lift the mark."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.order_states import OrderStatus
from puqpanel.domain.permissions import SERVICES_TERMINATE
from puqpanel.domain.principals import Principal
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.domain.texts import _
from puqpanel.infra.db import session, transaction
from puqpanel.models import Audit, Service
from puqpanel.operations.provisioning import settlement
from puqpanel.operations.provisioning.requests import clean_reason, order_of
from puqpanel.operations.provisioning.services import lock_service
from puqpanel.operations.system import audit

MARKED, LIFTED = "service.fraud_marked", "service.fraud_lifted"


@transaction()
def mark(*, actor: Principal, service_uuid: str, reason: str) -> None:
    """Mark a service as fraud: its client can no longer open it.

    Args:
        actor: who marks it.
        service_uuid: the service.
        reason: shown to staff.

    Raises:
        ConflictError: an operation is in progress, or it is marked already.
    """
    actor.require(SERVICES_TERMINATE)
    service = _idle(service_uuid)
    before = service.status
    if before == ServiceStatus.FRAUD:
        raise ConflictError(_("The service is already marked as fraud."))
    settlement.set_status(service, ServiceStatus.FRAUD)
    reason = clean_reason(reason)
    audit.record(
        actor=actor,
        action=MARKED,
        subject_type="service",
        subject_uuid=service_uuid,
        summary=_("Marked as fraud: %(reason)s", reason=reason)
        if reason
        else _("Marked as fraud."),
        before={"status": before},
        after={"status": ServiceStatus.FRAUD},
    )


@transaction()
def lift(*, actor: Principal, service_uuid: str) -> None:
    """Give a service marked as fraud the status that it had before.

    Raises:
        ConflictError: an operation is in progress, it is not marked, or its order is marked.
    """
    actor.require(SERVICES_TERMINATE)
    service = _idle(service_uuid)
    if service.status != ServiceStatus.FRAUD:
        raise ConflictError(_("The service is not marked as fraud."))
    order = order_of(service)
    if order is not None and order.status == OrderStatus.FRAUD:
        text = _(
            "Order %(number)s is marked as fraud. Remove the mark of the order instead.",
            number=order.id,
        )
        raise ConflictError(text)
    marked = session().scalar(
        sa.select(Audit)
        .where(
            Audit.subject_type == "service",
            Audit.subject_uuid == service_uuid,
            Audit.action == MARKED,
        )
        .order_by(Audit.id.desc())
        .limit(1)
    )
    before = (marked.before or {}).get("status") if marked else None
    after = ServiceStatus(before or ServiceStatus.PENDING)
    settlement.set_status(service, after)
    audit.record(
        actor=actor,
        action=LIFTED,
        subject_type="service",
        subject_uuid=service_uuid,
        summary=_("No longer marked as fraud."),
        before={"status": ServiceStatus.FRAUD},
        after={"status": after},
    )


def _idle(service_uuid: str) -> Service:
    service = lock_service(service_uuid)
    if service.provision_status == ProvisionStatus.PROCESSING:
        raise ConflictError(_("An operation is in progress. Try again when it completes."))
    return service
