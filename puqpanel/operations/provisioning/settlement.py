"""Settlement: recording in one transaction how an attempt ended, on the task and on its service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.actors import SYSTEM, Actor
from puqpanel.domain.errors import ConflictError, NotFoundError
from puqpanel.domain.service_states import (
    STATUS_MOVES,
    VERBS,
    ProvisionStatus,
    ServiceStatus,
    Verb,
    check_provision_move,
    check_status_move,
    check_verb,
)
from puqpanel.domain.task_states import OPEN, TaskStatus
from puqpanel.host import calls
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import Service, Task, TaskAttempt
from puqpanel.operations.provisioning import package_change
from puqpanel.operations.provisioning.services import lock_service
from puqpanel.operations.system import audit
from puqpanel.tasks import fence
from puqpanel.tasks.outcome import Outcome

STANDS: Mapping[str, ProvisionStatus] = {
    ServiceStatus.ACTIVE: ProvisionStatus.COMPLETED,
    ServiceStatus.SUSPENDED: ProvisionStatus.SUSPENDED,
}
"""What the provider has of a service that was provisioned, by what was bought."""


def set_provision_status(*, service_uuid: str, status: str, actor: Actor | None = None) -> Service:
    """Move what the provider has; what was bought follows where the verb under way says so.

    Raises:
        ConflictError: the state machine has no such move.
        NotFoundError: there is no such service.
    """
    with transaction():
        fence.check()
        service = lock_service(service_uuid)
        _move(service, status, actor or SYSTEM)
    return service


def set_provision_data(*, service_uuid: str, data: Mapping[str, Any]) -> Service:
    """Save what a job found out, in place of what it kept before; encrypted."""
    with transaction():
        fence.check()
        service = lock_service(service_uuid)
        service.provision_data = dict(data)
    return service


def keep_service_data(*, service_uuid: str, changes: Mapping[str, Any]) -> None:
    """Save what a job changed in the service's data, over what is there."""
    if not changes:
        return
    with transaction():
        fence.check()
        service = lock_service(service_uuid)
        service.provision_data = {**service.provision_data, **changes}


def record(task: Task, outcome: Outcome) -> None:
    """Settle a service after an attempt, in the transaction that closes the task.

    Args:
        task: the row with its new status.
        outcome: how the attempt ended.
    """
    try:
        service = lock_service(task.service_uuid)
    except NotFoundError:
        return
    actor = Actor(task.actor_kind, task.actor_id, task.actor_name)  # type: ignore[arg-type]
    verb = _verb_of(task, service)
    if task.status in (TaskStatus.RETRYING, TaskStatus.PARKED):
        if outcome.kind != "again":
            service.failure = outcome.message
        if (
            task.status == TaskStatus.RETRYING
            and verb is not None
            and service.provision_status == ProvisionStatus.FAILED
        ):
            # the module said "failed", but the work is not over: another attempt follows
            set_provision(service, ProvisionStatus.PROCESSING)
        return
    if task.status == TaskStatus.COMPLETED:
        if service.provision_status == ProvisionStatus.PROCESSING and not has_open_task(
            service, task
        ):
            complete(service, verb, actor, task)
        elif verb is not None and _reached(service, verb, task):
            if (
                verb.status is not None
                and verb.status in STATUS_MOVES[ServiceStatus(service.status)]
            ):
                # the job was added by hand, with no verb under way that would have moved it
                _set_status(service, verb.status)
            _succeeded(service, verb, actor, task)
        return
    fail(service, verb, actor, task, outcome.message)


def own_verb(task: Task) -> Verb | None:
    """Return the verb whose job a task is, however the module added it.

    None for a helper such as a status check.
    """
    key = task.data.get("verb")
    return VERBS.get(str(key)) or next(
        (rule for rule in VERBS.values() if rule.job == task.data.get("method")), None
    )


def reopen(task: Task) -> None:
    """Put a service under way again for one of its tasks that is retried.

    A helper's changes nothing. Needs a transaction.

    Raises:
        ConflictError: the verb is not possible now, or something else is under way.
    """
    verb = own_verb(task)
    if verb is None:
        return
    service = lock_service(task.service_uuid)
    if any(own_verb(other) is not None for other in open_tasks(service) if other.id != task.id):
        raise ConflictError(
            f"{verb.label} has to wait: another task of this service has not ended."
        )
    if service.provision_status != ProvisionStatus.PROCESSING:
        check_verb(verb.key, service.status, service.provision_status)
        service.settled_from, service.verb, service.failure = service.provision_status, verb.key, ""
        set_provision(service, ProvisionStatus.PROCESSING)
        if verb.key == "change_package":
            package_change.wanted_again(
                actor=Actor(task.actor_kind, task.actor_id, task.actor_name),  # type: ignore[arg-type]
                service=service,
                product_uuid=calls.job_data(task.data)[2],
            )
    elif service.verb != verb.key:
        raise ConflictError("Another operation is in progress for this service.")


def _verb_of(task: Task, service: Service) -> Verb | None:
    """Return the verb that a task belongs to.

    Its own, or the one under way that it helps along (a status check).
    """
    return own_verb(task) or VERBS.get(service.verb)


def open_tasks(service: Service) -> Sequence[Task]:
    """Return the tasks of a service that have not ended, 50 at most."""
    return (
        session()
        .scalars(
            sa.select(Task)
            .where(Task.service_uuid == service.uuid, Task.status.in_(OPEN))
            .limit(50)
        )
        .all()
    )


def has_open_task(service: Service, besides: Task | None) -> bool:
    """Return whether another task of the service is open."""
    return any(besides is None or task.id != besides.id for task in open_tasks(service))


def set_provision(service: Service, status: str) -> None:
    """Set a service's provision status without checking the change."""
    if service.provision_status != status:
        service.provision_status, service.provision_since = status, now()


def _move(service: Service, status: str, actor: Actor) -> None:
    """Move what the provider has, and what was bought with it."""
    check_provision_move(service.provision_status, status)
    before = service.provision_status
    set_provision(service, status)
    verb = VERBS.get(service.verb)
    if verb is not None and status == verb.ends and verb.status is not None:
        _set_status(service, verb.status)
    if before != status:
        raise_event(
            "service.provision_status_changed",
            {"service_uuid": service.uuid, "before": before, "after": status},
        )
        if status in (ProvisionStatus.NOT_FOUND, ProvisionStatus.FAILED):
            audit.record(
                actor=actor,
                action="service.provision_status",
                subject_type="service",
                subject_uuid=service.uuid,
                summary=f"Provisioning is now {status.replace('_', ' ')}.",
                before={"provision_status": before},
                after={"provision_status": status},
            )


def _set_status(service: Service, status: ServiceStatus) -> None:
    if service.status == status:
        return
    check_status_move(service.status, status)
    service.status, service.status_since = status, now()
    if status == ServiceStatus.TERMINATED:
        service.terminated_at = now()


def _reached(service: Service, verb: Verb, task: Task) -> bool:
    """Return whether the module itself set the status that the verb ends in."""
    if verb.ends is not None:
        return service.provision_status == verb.ends
    return own_verb(task) is verb and service.provision_status in STANDS.values()


def complete(service: Service, verb: Verb | None, actor: Actor, task: Task | None) -> None:
    """Return a verb's last task ended well and the module left it to the host to say so."""
    # a verb that ends nowhere else leaves the provider as what was bought says; what stood before
    # it may be a failed attempt at the same
    ends = verb.ends if verb is not None else None
    set_provision(service, ends or STANDS.get(service.status) or service.settled_from)
    if verb is not None and verb.status is not None:
        _set_status(service, verb.status)
    if verb is not None:
        _succeeded(service, verb, actor, task)


def _succeeded(service: Service, verb: Verb, actor: Actor, task: Task | None) -> None:
    service.failure, service.verb, service.fallback = "", "", None
    audit.record(
        actor=actor,
        action=f"service.{verb.key}_succeeded",
        subject_type="service",
        subject_uuid=service.uuid,
        summary=f"{verb.label} completed.",
        task_id=task.id if task else None,
    )
    raise_event(
        f"service.{verb.method}_succeeded",
        {"service_uuid": service.uuid, "task_uuid": task.uuid if task else ""},
    )


def fail(service: Service, verb: Verb | None, actor: Actor, task: Task | None, reason: str) -> None:
    """Mark a service failed, unless another task of the verb is still open."""
    if service.provision_status == ProvisionStatus.PROCESSING:
        if task is not None and own_verb(task) is None and has_open_task(service, task):
            # a helper's failure is not the verb's; a verb that failed has, whatever its helpers
            # still say
            return
        # a cancelled task never began: the provider has what it had
        set_provision(
            service,
            (
                service.settled_from
                if task is not None and task.status == TaskStatus.CANCELLED and not _began(task)
                else ProvisionStatus.FAILED
            ),
        )
    label, key = (verb.label, verb.key) if verb is not None else ("Work", "job")
    if key == "change_package":
        package_change.put_back(actor=actor, service=service)
    service.failure = reason or f"{label} failed and the module did not say why."
    lost = task is not None and task.status == TaskStatus.LOST
    audit.record(
        actor=actor,
        action=f"service.{key}_failed",
        subject_type="service",
        subject_uuid=service.uuid,
        summary=f"{label} {'lost' if lost else 'failed'}: {service.failure}",
        task_id=task.id if task else None,
    )
    if verb is not None:
        raise_event(
            f"service.{verb.method}_failed",
            {
                "service_uuid": service.uuid,
                "task_uuid": task.uuid if task else "",
                "reason": service.failure,
            },
        )


def _began(task: Task) -> bool:
    """Return whether an attempt at a task got as far as its module; one that was parked did not."""
    tried = sa.select(TaskAttempt.id).where(
        TaskAttempt.task_id == task.id, TaskAttempt.outcome != TaskStatus.PARKED
    )
    return session().scalar(tried.limit(1)) is not None
