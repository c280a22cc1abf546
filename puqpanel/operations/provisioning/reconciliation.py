"""Reconciliation: services left in processing without an open task."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.actors import SYSTEM
from puqpanel.domain.service_states import (
    VERBS,
    ProvisionStatus,
)
from puqpanel.domain.task_states import OPEN
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import Service, Task
from puqpanel.operations.provisioning import settlement
from puqpanel.operations.provisioning.services import lock_service

SETTLE_AFTER = 60
"""Seconds that a service may stand at processing without a task before it is settled."""


def settle_orphans() -> int:
    """Return services that stand at processing although no task of theirs is open.

    Said to have failed, so that nothing stays so for ever.

    Returns:
        How many were settled.
    """
    open_tasks = (
        sa.select(Task.id).where(Task.service_uuid == Service.uuid, Task.status.in_(OPEN)).exists()
    )
    stuck = (
        session()
        .scalars(
            sa.select(Service.uuid)
            .where(Service.provision_status == ProvisionStatus.PROCESSING, ~open_tasks)
            .limit(500)
        )
        .all()
    )
    count = 0
    for uuid in stuck:
        with transaction():
            service = lock_service(uuid)
            if (
                service.provision_status != ProvisionStatus.PROCESSING
                or settlement.has_open_task(service, None)
                or (now() - service.provision_since).total_seconds() < SETTLE_AFTER
            ):
                continue
            settlement.fail(
                service,
                VERBS.get(service.verb),
                SYSTEM,
                None,
                "The operation was in progress, but its task no longer exists.",
            )
            count += 1
    return count
