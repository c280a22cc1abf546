"""From "please" to "done" and back: asking a module for a verb, and recording what came of it.

Asking: the service is reserved in one transaction (a second click is refused there), then the
module's own method is called with no transaction open; by default it adds the task. Recording: one
transaction closes the task and moves the service. Module code never runs inside either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
import structlog

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
from puqpanel.domain.task_states import OPEN, OnLoss, TaskStatus
from puqpanel.host import calls
from puqpanel.host.contract.result import Result
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.infra.redact import redact_text
from puqpanel.models import Service, Task, TaskAttempt
from puqpanel.operations.provisioning import package_change
from puqpanel.operations.provisioning.services import find_service, find_service_now, module_of
from puqpanel.operations.system import audit
from puqpanel.tasks import add, fence
from puqpanel.tasks.outcome import LONGEST, Outcome

log = structlog.get_logger(__name__)
STANDS: Mapping[str, ProvisionStatus] = {
    ServiceStatus.ACTIVE: ProvisionStatus.COMPLETED,
    ServiceStatus.SUSPENDED: ProvisionStatus.SUSPENDED,
}
"""What the provider has of a service that was provisioned, by what was bought."""
REASON = 200
"""How many characters of a reason are written down."""
SETTLE_AFTER = 60
"""Seconds that a service may stand at processing without a task before it is settled."""


def request(
    *,
    actor: Actor,
    service_uuid: str,
    verb: str,
    product_uuid: str = "",
    take_price: bool = False,
    reason: str = "",
) -> Result:
    """Asks a service's module to do something.

    Args:
        actor: who asks.
        service_uuid: for which service.
        verb: key of `domain.service_states.VERBS`.
        product_uuid: with `change_package`, the product it changes to; it goes back when the
            provider does not follow.
        take_price: with `change_package`, pay that product's price of today from now on.
        reason: why, in the words of whoever asks; written down for staff.

    Returns:
        What the module's method answered; an error leaves the service as it was, with the reason.

    Raises:
        ConflictError: it is not possible now, or the module is not switched on.
        NotFoundError: there is no such service.
    """
    service = find_service(service_uuid)
    module = module_of(service)
    if module is None:
        raise ConflictError(
            "The module of this service is not switched on."
            if service.product.module
            else "This product has no module, so there is nothing to provision."
        )
    with transaction():
        rule = _reserve(actor, service_uuid, verb, " ".join(reason.split())[:REASON])
        if product_uuid and rule.key == "change_package":
            package_change.put_on(
                actor=actor,
                service=find_service_now(service_uuid),
                product_uuid=product_uuid,
                take_price=take_price,
            )
    result = calls.invoke(module, rule.method, service_uuid=service_uuid, actor=actor).result
    if not result.ok:
        _give_back(
            actor,
            service_uuid,
            rule,
            redact_text(result.message)[:LONGEST] or "The module refused.",
        )
    elif not result.pending:
        _settle_at_once(service_uuid)
    return result


def begin(
    *,
    service_uuid: str,
    verb: str,
    method: str,
    actor: Actor | None = None,
    options: Mapping[str, Any] | None = None,
    tags: Iterable[str] = (),
) -> Task:
    """Adds the task of a verb: what the default `create()` and its siblings do.

    Reserves the service where nobody has yet.

    Args:
        service_uuid: the service.
        verb: key of `domain.service_states.VERBS`.
        method: the module's method that does the work.
        actor: who asked; automation unless given.
        options: `tries`, `backoff`, `timeout`, `max_exceptions`, `delay`, `on_loss`.
        tags: further tags.

    Raises:
        ConflictError: it is not possible now.
    """
    who = actor or SYSTEM
    service = find_service(service_uuid)
    if not (service.provision_status == ProvisionStatus.PROCESSING and service.verb == verb):
        _reserve(who, service_uuid, verb)
    module_type, _, module_name = service.product.module.partition("/")
    about = {
        "type": module_type,
        "name": module_name,
        "product": service.product.uuid,
        "service": service_uuid,
    }
    return add.add(
        job="ModuleJob",
        queue="Module",
        data={"module": about, "method": method, "verb": verb},
        tags=[verb, f"service:{service_uuid}", *tags],
        title=VERBS[verb].label,
        module=service.product.module,
        service_uuid=service_uuid,
        actor=who,
        **dict(options or {}),
    )


def set_provision_status(*, service_uuid: str, status: str, actor: Actor | None = None) -> Service:
    """Moves what the provider has; what was bought follows where the verb under way says so.

    Raises:
        ConflictError: the state machine has no such move.
        NotFoundError: there is no such service.
    """
    with transaction():
        fence.check()
        service = find_service_now(service_uuid)
        _move(service, status, actor or SYSTEM)
    return service


def set_provision_data(*, service_uuid: str, data: Mapping[str, Any]) -> Service:
    """Keeps what a job found out, in place of what it kept before; encrypted."""
    with transaction():
        fence.check()
        service = find_service_now(service_uuid)
        service.provision_data = dict(data)
    return service


def keep_service_data(*, service_uuid: str, changes: Mapping[str, Any]) -> None:
    """Keeps what a job changed in the service's data, over what is there."""
    if not changes:
        return
    with transaction():
        fence.check()
        service = find_service_now(service_uuid)
        service.provision_data = {**service.provision_data, **changes}


def record(task: Task, outcome: Outcome) -> None:
    """Settles a service after an attempt at one of its tasks, inside the transaction that closes
    the task.

    Args:
        task: the row with its new status.
        outcome: how the attempt ended.
    """
    try:
        service = find_service_now(task.service_uuid)
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
            _set_provision(service, ProvisionStatus.PROCESSING)
        return
    if task.status == TaskStatus.COMPLETED:
        if service.provision_status == ProvisionStatus.PROCESSING and not _unfinished(
            service, task
        ):
            _complete(service, verb, actor, task)
        elif verb is not None and _reached(service, verb, task):
            if (
                verb.status is not None
                and verb.status in STATUS_MOVES[ServiceStatus(service.status)]
            ):
                # the job was added by hand, with no verb under way that would have moved it
                _set_status(service, verb.status)
            _succeeded(service, verb, actor, task)
        return
    _failed(service, verb, actor, task, outcome.message)


def own_verb(task: Task) -> Verb | None:
    """The verb whose job a task is, however the module added it; None for a helper such as a
    status check.
    """
    key = task.data.get("verb")
    return VERBS.get(str(key)) or next(
        (rule for rule in VERBS.values() if rule.job == task.data.get("method")), None
    )


def reopen(task: Task) -> None:
    """Puts a service under way again for one of its tasks that is retried; a helper's changes
    nothing. Needs a transaction.

    Raises:
        ConflictError: the verb is not possible now, or something else is under way.
    """
    verb = own_verb(task)
    if verb is None:
        return
    service = find_service_now(task.service_uuid)
    if any(own_verb(other) is not None for other in _open_tasks(service) if other.id != task.id):
        raise ConflictError(
            f"{verb.label} has to wait: another task of this service has not ended."
        )
    if service.provision_status != ProvisionStatus.PROCESSING:
        check_verb(verb.key, service.status, service.provision_status)
        service.settled_from, service.verb, service.failure = service.provision_status, verb.key, ""
        _set_provision(service, ProvisionStatus.PROCESSING)
        if verb.key == "change_package":
            package_change.wanted_again(
                actor=Actor(task.actor_kind, task.actor_id, task.actor_name),  # type: ignore[arg-type]
                service=service,
                product_uuid=calls.job_data(task.data)[2],
            )
    elif service.verb != verb.key:
        raise ConflictError("Something else is under way for this service.")


def settle_orphans() -> int:
    """Services that stand at processing although no task of theirs is open: said to have failed, so
    that nothing stays so for ever.

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
            service = find_service_now(uuid)
            if (
                service.provision_status != ProvisionStatus.PROCESSING
                or _unfinished(service, None)
                or (now() - service.provision_since).total_seconds() < SETTLE_AFTER
            ):
                continue
            _failed(
                service,
                VERBS.get(service.verb),
                SYSTEM,
                None,
                "It was under way, but no task of it is left.",
            )
            count += 1
    return count


def _reserve(actor: Actor, service_uuid: str, verb: str, reason: str = "") -> Verb:
    with transaction():
        service = find_service_now(service_uuid)
        rule = check_verb(verb, service.status, service.provision_status)
        if any(own_verb(task) is not None for task in _open_tasks(service)):
            raise ConflictError(f"{rule.label} has to wait: a task of this service has not ended.")
        service.settled_from, service.verb, service.failure = service.provision_status, rule.key, ""
        _set_provision(service, ProvisionStatus.PROCESSING)
        audit.record(
            actor=actor,
            action=f"service.{rule.key}_requested",
            subject_type="service",
            subject_uuid=service_uuid,
            summary=f"{rule.label} asked for: {reason}" if reason else f"{rule.label} asked for.",
            after={"reason": reason} if reason else None,
        )
        raise_event(f"service.{rule.method}", {"service_uuid": service_uuid})
    return rule


def _give_back(actor: Actor, service_uuid: str, rule: Verb, reason: str) -> None:
    """The module refused before anything was queued: the service stands as it stood."""
    with transaction():
        service = find_service_now(service_uuid)
        if service.provision_status == ProvisionStatus.PROCESSING and not _unfinished(
            service, None
        ):
            _set_provision(service, service.settled_from)
            service.verb = ""
        package_change.put_back(actor=actor, service=service)
        service.failure = reason
        audit.record(
            actor=actor,
            action=f"service.{rule.key}_refused",
            subject_type="service",
            subject_uuid=service_uuid,
            summary=f"{rule.label} was refused: {reason}",
        )


def _settle_at_once(service_uuid: str) -> None:
    """A module that did the work in `create()` itself, without a task, is done."""
    with transaction():
        service = find_service_now(service_uuid)
        ever = session().scalar(
            sa.select(Task.id)
            .where(Task.service_uuid == service_uuid, Task.created_at >= service.provision_since)
            .limit(1)
        )
        if service.provision_status == ProvisionStatus.PROCESSING and ever is None:
            _complete(service, VERBS.get(service.verb), SYSTEM, None)


def _verb_of(task: Task, service: Service) -> Verb | None:
    """The verb that a task belongs to: its own, or the one under way that it helps along (a
    status check).
    """
    return own_verb(task) or VERBS.get(service.verb)


def _open_tasks(service: Service) -> Sequence[Task]:
    return (
        session()
        .scalars(
            sa.select(Task)
            .where(Task.service_uuid == service.uuid, Task.status.in_(OPEN))
            .limit(50)
        )
        .all()
    )


def _unfinished(service: Service, besides: Task | None) -> bool:
    """Whether another task of the service is open."""
    return any(besides is None or task.id != besides.id for task in _open_tasks(service))


def _set_provision(service: Service, status: str) -> None:
    if service.provision_status != status:
        service.provision_status, service.provision_since = status, now()


def _move(service: Service, status: str, actor: Actor) -> None:
    """Moves what the provider has, and what was bought with it."""
    check_provision_move(service.provision_status, status)
    before = service.provision_status
    _set_provision(service, status)
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
    """Whether the module itself has said that the provider has what the verb was to bring about."""
    if verb.ends is not None:
        return service.provision_status == verb.ends
    return own_verb(task) is verb and service.provision_status in STANDS.values()


def _complete(service: Service, verb: Verb | None, actor: Actor, task: Task | None) -> None:
    """A verb's last task ended well and the module left it to the host to say so."""
    # a verb that ends nowhere else leaves the provider as what was bought says; what stood before
    # it may be a failed attempt at the same
    ends = verb.ends if verb is not None else None
    _set_provision(service, ends or STANDS.get(service.status) or service.settled_from)
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
        summary=f"{verb.label}: done.",
        task_id=task.id if task else None,
    )
    raise_event(
        f"service.{verb.method}_succeeded",
        {"service_uuid": service.uuid, "task_uuid": task.uuid if task else ""},
    )


def _failed(
    service: Service, verb: Verb | None, actor: Actor, task: Task | None, reason: str
) -> None:
    if service.provision_status == ProvisionStatus.PROCESSING:
        if task is not None and own_verb(task) is None and _unfinished(service, task):
            # a helper's failure is not the verb's; a verb that failed has, whatever its helpers
            # still say
            return
        # a cancelled task never began: the provider has what it had
        _set_provision(
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
        summary=f"{label} {'was cut off' if lost else 'failed'}: {service.failure}",
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
    """Whether an attempt at a task got as far as its module; one that was parked did not."""
    tried = sa.select(TaskAttempt.id).where(
        TaskAttempt.task_id == task.id, TaskAttempt.outcome != TaskStatus.PARKED
    )
    return session().scalar(tried.limit(1)) is not None


def on_loss_of(*, observes: bool, repeatable: bool) -> OnLoss:
    """What may be done with a job whose worker vanished, from what its module says of itself."""
    if repeatable:
        return OnLoss.REPEAT
    return OnLoss.OBSERVE if observes else OnLoss.LOSE
