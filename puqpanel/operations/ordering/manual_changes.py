"""Changes of services that staff deliver by hand: the task of one is parked until it is done."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from puqpanel.domain.catalog import ProvisioningPolicy
from puqpanel.domain.errors import NotFoundError
from puqpanel.domain.permissions import SERVICES_PROVISION
from puqpanel.domain.principals import Principal
from puqpanel.domain.task_states import OPEN, TaskStatus
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import session, transaction
from puqpanel.models import Change, Service, Task
from puqpanel.operations.ordering import selections
from puqpanel.operations.ordering.contracts import ENDED
from puqpanel.operations.provisioning import requests
from puqpanel.tasks import control

JOB = "ChangeJob"
_FOR_STAFF = sa.and_(Task.job == JOB, Task.status == TaskStatus.PARKED)
TO_DO = sa.and_(
    Service.uuid.in_(sa.select(Task.subject_uuid).where(_FOR_STAFF)), Service.status.not_in(ENDED)
)
"""Selects the services with a change that staff must carry out."""


def is_by_hand(service: Service) -> bool:
    """Return whether staff carry out the changes of a service: it has no module that does."""
    product = service.product
    return not product.module and product.provisioning == ProvisioningPolicy.BY_HAND


def to_do(task: Task) -> Text:
    """Return what staff must do, such as “Change to do: Disk: 20 GB → 50 GB”.

    A task of an earlier version does not say what the service was before.
    """
    query = sa.select(Change).where(Change.uuid == task.data["change"])
    change = session().scalars(query).one()
    before = task.data.get("before")
    if before is None:
        chosen = (f"{label}: {value}" for label, value in selections.named(change.selection))
        return _to_do([change.product.name, *chosen])
    products = (before["product"], change.product.name)
    lines = [" → ".join(products)] if products[0] != products[1] else []
    old, new = before["options"], change.selection
    was, will = (dict(zip(each, selections.named(each), strict=True)) for each in (old, new))
    for key in {**was, **will}:
        if old.get(key) != new.get(key):
            label = (will.get(key) or was[key])[0]
            values = (str(each[key][1]) if key in each else "—" for each in (was, will))
            lines.append(f"{label}: {' → '.join(values)}")
    return _to_do(lines)


def _to_do(lines: Sequence[str]) -> Text:
    return _("Change manually: %(changes)s.", changes=", ".join(lines))


def waits_for_staff(task: Task) -> bool:
    """Return whether a task is a change that staff must carry out."""
    return task.job == JOB and task.status == TaskStatus.PARKED


def is_open(service: Service) -> bool:
    """Return whether a change of a service waits for staff."""
    if not is_by_hand(service):
        return False
    query = sa.select(Task.id).where(
        Task.about("service", service.uuid), Task.job == JOB, Task.status.in_(OPEN)
    )
    return session().scalar(query.limit(1)) is not None


def waiting(limit: int = 6) -> Sequence[tuple[Service, Task]]:
    """Return services with a change that staff must carry out, the oldest first."""
    query = (
        sa.select(Service, Task)
        .join(Task, Task.about("service", Service.uuid))
        .where(_FOR_STAFF, Service.status.not_in(ENDED))
    )
    return [(row[0], row[1]) for row in session().execute(query.order_by(Task.id).limit(limit))]


@transaction()
def mark_done(*, actor: Principal, service_uuid: str, task_uuid: str) -> None:
    """Record that staff carried out a change.

    Raises:
        ConflictError: it is done already, or another operation of the service is in progress.
        NotFoundError: the service has no such change.
        PermissionDenied: the actor may not provision services.
    """
    actor.require(SERVICES_PROVISION)
    task = control.complete(task_uuid, by=actor.name)
    if task.job != JOB or task.service_uuid != service_uuid:
        raise NotFoundError(_("Task not found."))
    requests.request(actor=actor, service_uuid=service_uuid, verb="change_package")
