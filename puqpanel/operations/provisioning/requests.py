"""Requests: asking a service's module for a verb.

The service is reserved in one transaction (a second click is refused there), then the module's own
method is called with no transaction open; the default method adds the task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.actors import SYSTEM, Actor
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.service_states import (
    VERBS,
    ProvisionStatus,
    Verb,
    check_verb,
)
from puqpanel.host import calls
from puqpanel.host.contract.result import Result
from puqpanel.infra.db import session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.infra.redact import redact_text
from puqpanel.models import Task
from puqpanel.operations.provisioning import package_change, settlement
from puqpanel.operations.provisioning.services import find_service, lock_service, module_of
from puqpanel.operations.system import audit
from puqpanel.tasks import add
from puqpanel.tasks.outcome import MAX_MESSAGE_LENGTH

REASON = 200
"""How many characters of a reason are written down."""


def request(
    *,
    actor: Actor,
    service_uuid: str,
    verb: str,
    product_uuid: str = "",
    take_price: bool = False,
    reason: str = "",
) -> Result:
    """Ask a service's module to do something.

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
        ConflictError: it is not possible now, or the module is not active.
        NotFoundError: there is no such service.
    """
    service = find_service(service_uuid)
    module = module_of(service)
    if module is None:
        raise ConflictError(
            "The module of this service is not active."
            if service.product.module
            else "This product has no module, so there is nothing to provision."
        )
    with transaction():
        rule = _reserve(actor, service_uuid, verb, " ".join(reason.split())[:REASON])
        if product_uuid and rule.key == "change_package":
            package_change.put_on(
                actor=actor,
                service=lock_service(service_uuid),
                product_uuid=product_uuid,
                take_price=take_price,
            )
    result = calls.invoke(
        calls.Call(module, rule.method, service_uuid=service_uuid, actor=actor)
    ).result
    if not result.ok:
        _give_back(
            actor,
            service_uuid,
            rule,
            redact_text(result.message)[:MAX_MESSAGE_LENGTH] or "The module refused.",
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
    """Add the task of a verb: what the default `create()` and its siblings do.

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


def _reserve(actor: Actor, service_uuid: str, verb: str, reason: str = "") -> Verb:
    with transaction():
        service = lock_service(service_uuid)
        rule = check_verb(verb, service.status, service.provision_status)
        if any(settlement.own_verb(task) is not None for task in settlement.open_tasks(service)):
            raise ConflictError(f"{rule.label} has to wait: a task of this service has not ended.")
        service.settled_from, service.verb, service.failure = service.provision_status, rule.key, ""
        settlement.set_provision(service, ProvisionStatus.PROCESSING)
        audit.record(
            actor=actor,
            action=f"service.{rule.key}_requested",
            subject_type="service",
            subject_uuid=service_uuid,
            summary=f"{rule.label} requested: {reason}" if reason else f"{rule.label} requested.",
            after={"reason": reason} if reason else None,
        )
        raise_event(f"service.{rule.method}", {"service_uuid": service_uuid})
    return rule


def _give_back(actor: Actor, service_uuid: str, rule: Verb, reason: str) -> None:
    """Return the module refused before anything was queued: the service stands as it stood."""
    with transaction():
        service = lock_service(service_uuid)
        if service.provision_status == ProvisionStatus.PROCESSING and not settlement.has_open_task(
            service, None
        ):
            settlement.set_provision(service, service.settled_from)
            service.verb = ""
        package_change.put_back(actor=actor, service=service)
        service.failure = reason
        audit.record(
            actor=actor,
            action=f"service.{rule.key}_refused",
            subject_type="service",
            subject_uuid=service_uuid,
            summary=f"{rule.label} refused: {reason}",
        )


def _settle_at_once(service_uuid: str) -> None:
    """Return a module that did the work in `create()` itself, without a task, is done."""
    with transaction():
        service = lock_service(service_uuid)
        ever = session().scalar(
            sa.select(Task.id)
            .where(Task.service_uuid == service_uuid, Task.created_at >= service.provision_since)
            .limit(1)
        )
        if service.provision_status == ProvisionStatus.PROCESSING and ever is None:
            settlement.complete(service, VERBS.get(service.verb), SYSTEM, None)
