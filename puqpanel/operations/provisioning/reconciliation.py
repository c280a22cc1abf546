"""Reconciliation: services left in processing without an open task."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.service_states import VERBS, ProvisionStatus
from puqpanel.domain.task_states import OPEN
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import Service, Task
from puqpanel.operations.provisioning import settlement
from puqpanel.operations.provisioning.services import lock_service
from puqpanel.operations.system import batches

GRACE_SECONDS = 60
"""A request reserves a service and adds its task in two transactions: younger ones are left."""
BATCH_SIZE = 500


def settle_orphans() -> int:
    """Mark services failed that are processing without an open task.

    Returns:
        How many were marked.
    """
    open_tasks = (
        sa.select(Task.id)
        .where(Task.about("service", Service.uuid), Task.status.in_(OPEN))
        .exists()
    )
    orphans = sa.select(Service.uuid).where(
        Service.provision_status == ProvisionStatus.PROCESSING, ~open_tasks
    )
    uuids = session().scalars(orphans.limit(BATCH_SIZE)).all()
    return batches.carry_out(_settle, [(uuid,) for uuid in uuids])


@transaction()
def _settle(uuid: str) -> bool:
    service = lock_service(uuid)
    if service.provision_status != ProvisionStatus.PROCESSING:
        return False
    # a time far in the future was stored while the clock was ahead
    age_seconds = abs((now() - service.provision_since).total_seconds())
    if age_seconds < GRACE_SECONDS or settlement.has_open_task(service):
        return False
    reason = _("The operation was in progress, but its task no longer exists.")
    settlement.fail(service, VERBS.get(service.verb), AUTOMATION, reason)
    return True
