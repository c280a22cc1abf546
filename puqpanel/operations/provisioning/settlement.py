"""Settlement: record in one transaction how an attempt ended, on the task and on its service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, NotFoundError
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.service_states import (
    PROVISION_LABELS,
    STATUS_MOVES,
    VERBS,
    ProvisionStatus,
    ServiceStatus,
    Verb,
    check_provision_move,
    check_status_move,
    check_verb,
)
from puqpanel.domain.task_states import NOT_STARTED, OPEN, TaskStatus
from puqpanel.domain.texts import Text, _, _c, verbatim
from puqpanel.host import calls
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import Service, ServiceDifference, Task, TaskAttempt
from puqpanel.operations.provisioning import package_change, prepaid_spans
from puqpanel.operations.provisioning.services import lock_service
from puqpanel.operations.system import audit
from puqpanel.tasks import fence
from puqpanel.tasks.outcome import Outcome

PROVISIONED: Mapping[str, ProvisionStatus] = {
    ServiceStatus.ACTIVE: ProvisionStatus.COMPLETED,
    ServiceStatus.SUSPENDED: ProvisionStatus.SUSPENDED,
}
"""The provision status of a provisioned service, by the service's status."""


@transaction()
def set_provision_status(*, service_uuid: str, status: str, actor: Principal | None = None) -> None:
    """Set a service's provision status, and its status if the verb in progress ends with this.

    Args:
        service_uuid: the service.
        status: a `ProvisionStatus`.
        actor: who does it; automation unless given.

    Raises:
        ConflictError: the state machine has no such transition.
        NotFoundError: there is no such service.
    """
    fence.check()
    service = lock_service(service_uuid)
    before = service.provision_status
    check_provision_move(before, status)
    set_provision(service, status)
    verb = VERBS.get(service.verb)
    if verb is not None and status == verb.ends and verb.status is not None:
        set_status(service, verb.status)
    if before == status:
        return
    raise_event(
        "service.provision_status_changed",
        {"service_uuid": service.uuid, "before": before, "after": status},
    )
    if status in (ProvisionStatus.NOT_FOUND, ProvisionStatus.FAILED):
        audit.record(
            actor=actor or AUTOMATION,
            action="service.provision_status_changed",
            subject_type="service",
            subject_uuid=service.uuid,
            summary=_(
                "Provision status changed to %(status)s.",
                status=PROVISION_LABELS[ProvisionStatus(status)],
            ),
            before={"provision_status": before},
            after={"provision_status": status},
        )


@transaction()
def set_provision_data(*, service_uuid: str, data: Mapping[str, Any]) -> None:
    """Replace the data that a service's jobs saved; stored encrypted."""
    fence.check()
    service = lock_service(service_uuid)
    service.provision_data = dict(data)


@transaction()
def keep_service_data(*, service_uuid: str, changes: Mapping[str, Any]) -> None:
    """Merge what a job changed in `service_data` into the data that a service's jobs saved."""
    fence.check()
    service = lock_service(service_uuid)
    service.provision_data = {**service.provision_data, **changes}


def start(service: Service, verb: Verb) -> None:
    """Mark a locked service as processing a verb."""
    service.settled_from, service.verb = service.provision_status, verb.key
    service.failure = verbatim("")
    set_provision(service, ProvisionStatus.PROCESSING)


def record(task: Task, outcome: Outcome) -> None:
    """Settle a service after an attempt at one of its tasks.

    Runs inside the transaction that closes the task.

    Args:
        task: the row with its new status.
        outcome: how the attempt ended.
    """
    try:
        service = lock_service(task.service_uuid)
    except NotFoundError:
        return
    verb = own_verb(task) or VERBS.get(service.verb)
    if task.status in OPEN:
        _record_unfinished(service, verb, task, outcome)
    elif task.status == TaskStatus.COMPLETED:
        _record_completed(service, verb, task)
    else:
        fail(service, verb, task.actor, outcome.message, task)


def own_verb(task: Task) -> Verb | None:
    """Return the verb whose job a task runs, however the module added it.

    None for a helper, such as a status check.
    """
    return VERBS.get(str(task.data.get("verb"))) or next(
        (rule for rule in VERBS.values() if rule.job == task.data.get("method")), None
    )


def reopen(task: Task) -> None:
    """Mark a service as processing again because one of its tasks is retried.

    Needs a transaction. A helper's retry changes nothing.

    Raises:
        ConflictError: the verb is not possible now, or another operation is in progress.
    """
    verb = own_verb(task)
    if verb is None:
        return
    service = lock_service(task.service_uuid)
    if any(own_verb(other) is not None for other in open_tasks(service) if other.id != task.id):
        raise ConflictError(
            _(
                "“%(verb)s” is not available: another task of this service has not finished. Try"
                " again later.",
                verb=verb.label,
            )
        )
    if service.provision_status == ProvisionStatus.PROCESSING:
        if service.verb != verb.key:
            raise ConflictError(_("Another operation is in progress for this service."))
        return
    # one that was requested to repeat the panel's state can be retried too, if it failed last
    again = service.verb == verb.key
    check_verb(verb.key, service.status, service.provision_status, again=again, idle=service.idle)
    start(service, verb)
    if verb.key == "change_package":
        product_uuid = calls.job_data(task.data)[2]
        package_change.reapply(actor=task.actor, service=service, product_uuid=product_uuid)


def open_tasks(service: Service) -> Sequence[Task]:
    """Return the tasks of a service that have not ended, 50 at most."""
    query = sa.select(Task).where(Task.about("service", service.uuid), Task.status.in_(OPEN))
    return session().scalars(query.limit(50)).all()


def has_open_task(service: Service, besides: Task | None = None) -> bool:
    """Return whether a task of the service, other than `besides`, has not ended."""
    return any(besides is None or task.id != besides.id for task in open_tasks(service))


def set_provision(service: Service, status: str) -> None:
    """Set a service's provision status without checking the transition."""
    if service.provision_status != status:
        service.provision_status, service.provision_since = status, now()


def complete(
    service: Service, verb: Verb | None, actor: Principal, task: Task | None = None
) -> None:
    """Mark a service's verb completed after its last task, unless the module did so itself."""
    # a verb without an end status of its own restores what the service's status implies, because
    # the previous provision status may be a failed attempt at the same verb
    ends = verb.ends if verb is not None else None
    set_provision(service, ends or PROVISIONED.get(service.status) or service.settled_from)
    if verb is not None:
        if verb.status is not None:
            set_status(service, verb.status)
        _record_success(service, verb, actor, task)


def fail(
    service: Service, verb: Verb | None, actor: Principal, reason: Text, task: Task | None = None
) -> None:
    """Mark a service failed, unless another task of the verb is still open."""
    if service.provision_status == ProvisionStatus.PROCESSING:
        if task is not None and own_verb(task) is None and has_open_task(service, task):
            return  # a helper failed; the verb's own task decides
        if task and task.status == TaskStatus.CANCELLED and not _was_attempted(task):
            set_provision(service, service.settled_from)
        else:
            set_provision(service, ProvisionStatus.FAILED)
    operation, key = (
        (verb.noun, verb.key) if verb is not None else (_c("operation", "Module job"), "job")
    )
    if key == "change_package":
        lost = task is not None and task.status == TaskStatus.LOST
        package_change.revert(actor=actor, service=service, unknown=lost)
    service.failure = reason or _(
        "%(operation)s failed; the module returned an error without a message.",
        operation=operation,
    )
    service.observe_at = None  # what it did at the provider is not known
    lost = task is not None and task.status == TaskStatus.LOST
    audit.record(
        actor=actor,
        action=f"service.{key}_failed",
        subject_type="service",
        subject_uuid=service.uuid,
        summary=(
            _("%(operation)s lost: %(reason)s", operation=operation, reason=service.failure)
            if lost
            else _("%(operation)s failed: %(reason)s", operation=operation, reason=service.failure)
        ),
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


def adopt(service: Service, status: ServiceStatus, provision: ProvisionStatus) -> None:
    """Give a locked service the states that its provider reports."""
    before = service.provision_status
    if service.status == ServiceStatus.PENDING:
        set_status(service, ServiceStatus.ACTIVE)  # what exists was created
    set_status(service, status)
    set_provision(service, provision)
    service.failure, service.verb = verbatim(""), ""
    if before != provision:
        raise_event(
            "service.provision_status_changed",
            {"service_uuid": service.uuid, "before": before, "after": str(provision)},
        )


def forget_difference(service: Service) -> None:
    """Delete the difference of a locked service that has changed; the provider is asked again."""
    session().execute(
        sa.delete(ServiceDifference).where(ServiceDifference.service_id == service.id)
    )
    service.observe_at = None


def _record_unfinished(service: Service, verb: Verb | None, task: Task, outcome: Outcome) -> None:
    if task.status != TaskStatus.WAITING:
        service.failure = outcome.message
    failed = service.provision_status == ProvisionStatus.FAILED
    if failed and verb is not None and task.status in NOT_STARTED:
        # the module set "failed", but another attempt follows
        set_provision(service, ProvisionStatus.PROCESSING)


def _record_completed(service: Service, verb: Verb | None, task: Task) -> None:
    processing = service.provision_status == ProvisionStatus.PROCESSING
    if processing and not has_open_task(service, task):
        complete(service, verb, task.actor, task)
    elif verb is not None and _module_set_end(service, verb, task):
        if verb.status is not None and verb.status in STATUS_MOVES[ServiceStatus(service.status)]:
            # the module added the job without a request, so no verb set the service's status
            set_status(service, verb.status)
        _record_success(service, verb, task.actor, task)


def _record_success(service: Service, verb: Verb, actor: Principal, task: Task | None) -> None:
    service.failure, service.verb, service.fallback = verbatim(""), "", None
    if verb.from_idle is not None:
        service.idle_since = None if verb.from_idle else now()
    elif verb.status is not None and verb.status != ServiceStatus.SUSPENDED:
        service.idle_since = None  # created again
    forget_difference(service)
    audit.record(
        actor=actor,
        action=f"service.{verb.key}_succeeded",
        subject_type="service",
        subject_uuid=service.uuid,
        summary=_("%(operation)s completed.", operation=verb.noun),
        task_id=task.id if task else None,
    )
    raise_event(
        f"service.{verb.method}_succeeded",
        {"service_uuid": service.uuid, "task_uuid": task.uuid if task else ""},
    )


def set_status(service: Service, status: ServiceStatus) -> None:
    """Set the status of a locked service; the same status is allowed.

    Raises:
        ConflictError: the state machine has no such transition.
    """
    if service.status == status:
        return
    check_status_move(service.status, status)
    service.status, service.status_since = status, now()
    if status != ServiceStatus.SUSPENDED:
        service.idle_since = None  # its resources run again, or are gone
    if status == ServiceStatus.TERMINATED:
        service.terminated_at = service.terminated_at or now()  # again after a fraud mark
    prepaid_spans.follow(service)


def _module_set_end(service: Service, verb: Verb, task: Task) -> bool:
    """Return whether the module itself set the status that the verb ends in."""
    if verb.ends is not None:
        return service.provision_status == verb.ends
    return own_verb(task) is verb and service.provision_status in PROVISIONED.values()


def _was_attempted(task: Task) -> bool:
    """Return whether an attempt at a task reached its module; a parked attempt did not."""
    attempt = sa.select(TaskAttempt.id).where(
        TaskAttempt.task_id == task.id, TaskAttempt.outcome != TaskStatus.PARKED
    )
    return session().scalar(attempt.limit(1)) is not None
