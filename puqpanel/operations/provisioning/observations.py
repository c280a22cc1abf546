"""Observations: query providers for the state of services and record differences.

Staff refresh one service; the schedule checks all, a few at a time. Only the record is changed;
staff resolve differences, see `differences`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from puqpanel.domain.differences import (
    COMPARABLE,
    SETTLED,
    Difference,
    Observation,
    compare,
    is_comparable,
)
from puqpanel.domain.errors import ConflictError, NotFoundError
from puqpanel.domain.permissions import SERVICES_PROVISION
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.task_states import OPEN, OnLoss
from puqpanel.domain.texts import _
from puqpanel.host import registry
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction, write
from puqpanel.models import Product, Service, ServiceDifference, Task
from puqpanel.operations.modules.availability import unavailable_reasons
from puqpanel.operations.provisioning.services import find_service, lock_service, module_of
from puqpanel.operations.system import audit
from puqpanel.tasks import add, fence

JOB, BATCH_JOB = "ObserveJob", "ReconcileJob"
SUBJECT = "observation"
"""Subject of the tasks that ask about one service. It is not the service itself, because they
neither change the service nor keep other tasks of it waiting."""
PERIOD = timedelta(days=1)
"""The time after which a service is compared with its provider again."""
SPREAD = 1200
"""In how many batches, one a minute, all services of a module are asked for."""


def can_observe(module: LoadedModule | None) -> bool:
    """Return whether a module can be asked for the state of a service."""
    return module is not None and callable(getattr(module.cls, "observe", None))


def can_refresh(service: Service) -> bool:
    """Return whether the provider of a service can be asked for its state now."""
    comparable = is_comparable(service.status, service.provision_status)
    return comparable and can_observe(module_of(service))


def refresh(*, actor: Principal, service_uuid: str) -> Task:
    """Add the task that asks a service's provider for its state.

    Raises:
        ConflictError: the service is not provisioned, an operation is in progress, or its module
            is not active or cannot be asked.
        NotFoundError: there is no such service.
        PermissionDenied: the actor may not provision services.
    """
    actor.require(SERVICES_PROVISION)
    service = find_service(service_uuid)
    module = module_of(service)
    if module is None:
        raise ConflictError(_("The module of this service is not active."))
    if not can_observe(module):
        raise ConflictError(_("This service's module does not support refreshing."))
    if not is_comparable(service.status, service.provision_status):
        raise ConflictError(
            _(
                "The service can't be refreshed: it is not provisioned, or an operation is in"
                " progress."
            )
        )
    with transaction():
        task = add.add(
            job=JOB,
            queue="Module",
            data={"service": service_uuid},
            tags=["refresh", f"service:{service_uuid}"],
            title=_("Refresh from provider").source,
            module=module.key,
            subject_type=SUBJECT,
            subject_uuid=service_uuid,
            timeout=120,
            on_loss=OnLoss.REPEAT,
            actor=actor,
        )
        if not task.is_duplicate:
            audit.record(
                actor=actor,
                action="service.refreshed",
                subject_type="service",
                subject_uuid=service_uuid,
                summary=_("Refresh from provider requested."),
                task_id=task.id,
            )
    return task


@transaction()
def record(
    *, service_uuid: str, observation: Observation, asked_at: datetime
) -> tuple[bool, Difference | None]:
    """Record what a provider reported about a service.

    Args:
        service_uuid: the service.
        observation: what it reported.
        asked_at: when it was asked. An answer to an earlier state of the service is ignored.

    Returns:
        Whether the answer was used, and the difference if there is one.
    """
    fence.check()
    try:
        service = lock_service(service_uuid)
    except NotFoundError:
        return False, None
    # a time in the future was stored while the clock was ahead
    stamps = (service.provision_since, service.status_since)
    changed = any(asked_at <= stamp <= now() for stamp in stamps)
    if changed or not is_comparable(service.status, service.provision_status):
        service.observe_at = None
        return False, None
    service.observed_at, service.observe_at = now(), now() + PERIOD
    difference = _compare(service, observation)
    store(service, observation, difference)
    return True, difference


def store(service: Service, observation: Observation, difference: Difference | None) -> None:
    """Store, replace or delete the difference of a locked service."""
    row = find_row(service)
    if difference is None:
        if row is not None:
            session().delete(row)
        return
    answer = observation.as_dict()
    if row is None:
        session().add(ServiceDifference(service_id=service.id, kind=difference.kind, answer=answer))
        return
    if row.kind != difference.kind:
        row.kind, row.since = difference.kind, now()
    if row.answer != answer:
        row.answer = answer


def find_row(service: Service) -> ServiceDifference | None:
    """Return the stored difference of a service; None if there is none."""
    query = sa.select(ServiceDifference).where(ServiceDifference.service_id == service.id)
    return session().scalar(query)


def difference_of(service: Service) -> tuple[Observation, Difference] | None:
    """Return what a service's provider reported last, and how it differs now."""
    return read_row(service, find_row(service))


def read_row(
    service: Service, row: ServiceDifference | None
) -> tuple[Observation, Difference] | None:
    """Return what the stored difference of a service means now."""
    observation = Observation.read(row.answer) if row is not None else None
    difference = _compare(service, observation) if observation is not None else None
    return (observation, difference) if observation and difference else None


def _compare(service: Service, observation: Observation) -> Difference | None:
    data = {**service.service_data, **service.provision_data}
    idle = service.idle is not False
    return compare(service.status, service.provision_status, data, observation, idle=idle)


def schedule_batches() -> int:
    """Add a task for each module with services that are due to be compared.

    Returns:
        The number of tasks added.
    """
    modules = [module for module in registry.current().modules.values() if can_observe(module)]
    unavailable = unavailable_reasons([module.key for module in modules])
    count = 0
    for module in modules:
        if unavailable[module.key] or not batch_size(module) or not due(module, 1):
            continue
        open_batch = sa.select(Task.id).where(
            Task.about("module", module.key), Task.job == BATCH_JOB, Task.status.in_(OPEN)
        )
        if session().scalar(open_batch.limit(1)) is None:
            add.add(
                job=BATCH_JOB,
                queue="Module",
                title=_("Compare services with the provider").source,
                module=module.key,
                tags=["reconcile"],
                on_loss=OnLoss.LOSE,
                actor=AUTOMATION,
            )
            count += 1
    release()
    return count


def batch_size(module: LoadedModule) -> int:
    """Return how many services of a module are asked for in one batch: all of them in a day.

    A module's `observe_per_minute` is the limit.
    """
    limit = getattr(module.cls, "observe_per_minute", 0)
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        return 0
    number = session().scalar(sa.select(sa.func.count()).select_from(_services(module).subquery()))
    return min(limit, max(1, math.ceil((number or 0) / SPREAD)))


def due(module: LoadedModule, limit: int) -> Sequence[str]:
    """Return services of a module that are due to be compared, never asked ones first."""
    query = _services(module).where(Service.provision_status.in_(sorted(SETTLED))).limit(limit)
    uuids = list(session().scalars(query.where(Service.observe_at.is_(None))))
    if len(uuids) < limit:
        # a time far in the future was stored while the clock was ahead
        is_due = sa.or_(Service.observe_at <= now(), Service.observe_at > now() + 2 * PERIOD)
        later = query.where(is_due).order_by(Service.observe_at)
        uuids += session().scalars(later.limit(limit - len(uuids)))
    release()
    return uuids


def postpone(service_uuid: str, until: datetime | None = None) -> None:
    """Let a service be due again later.

    Called before its provider is queried, so that a service whose provider does not respond, or
    whose job crashes, does not block others.

    Args:
        service_uuid: the service.
        until: when its provider accepts requests again; a period from now by default, and at most.
    """
    latest = now() + PERIOD
    values = {"observe_at": min(until, latest) if until else latest}
    write(sa.update(Service).where(Service.uuid == service_uuid).values(values))


def _services(module: LoadedModule) -> sa.Select[str]:
    products = sa.select(Product.id).where(Product.module == module.key)
    return sa.select(Service.uuid).where(
        Service.product_id.in_(products), Service.status.in_(sorted(COMPARABLE))
    )
