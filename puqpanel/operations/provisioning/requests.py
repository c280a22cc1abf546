"""Requests: ask a service's module to create, suspend, terminate … the service.

One transaction reserves the service, so that a second click is refused. Then, with no transaction
open, either the module's own method is called or, if the module does not override it, the verb's
task is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError, UserError
from puqpanel.domain.order_states import OrderStatus
from puqpanel.domain.permissions import SERVICES_PROVISION
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.service_states import (
    VERBS,
    ProvisionStatus,
    ServiceStatus,
    Verb,
    check_verb,
)
from puqpanel.domain.task_states import OnLoss
from puqpanel.domain.texts import Text, _
from puqpanel.host import calls
from puqpanel.host.contract.names import python_keys
from puqpanel.host.contract.refusal import describe
from puqpanel.host.contract.result import Result
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.infra.redact import redact_message
from puqpanel.models import Order, OrderItem, Service, Task
from puqpanel.operations.catalog.products import check_configured
from puqpanel.operations.modules import forms
from puqpanel.operations.modules.availability import defines, uncallable_reason
from puqpanel.operations.provisioning import package_change, settlement
from puqpanel.operations.provisioning.services import (
    find_service,
    implements,
    lock_service,
    module_of,
)
from puqpanel.operations.system import audit
from puqpanel.tasks import add
from puqpanel.tasks.outcome import MAX_MESSAGE_LENGTH

MAX_REASON_LENGTH = 200
"""Characters of a reason that are saved."""
JOB_OPTIONS: Mapping[str, int] = MappingProxyType(
    {"tries": 1, "backoff": 60, "timeout": 600, "max_exceptions": 1, "delay": 0}
)
"""Task options of a verb's job; the `job_options` of a module override them."""


def request(
    *,
    actor: Principal,
    service_uuid: str,
    verb: str,
    product_uuid: str = "",
    price_uuid: str = "",
    reason: str = "",
    again: bool = False,
) -> Result:
    """Request a verb for a service.

    Args:
        actor: who requests it.
        service_uuid: the service.
        verb: a key of `domain.service_states.VERBS`.
        product_uuid: for `change_package`, the new product; reverted if the change fails.
        price_uuid: for `change_package`, the price of the new product that is charged from now on;
            empty to keep that of the service.
        reason: shown to staff in the service's activity.
        again: repeat a verb that the service's status already results from, because its provider
            has another state.

    Returns:
        Success once the task is added, or what the module's own method returned. After an error
        the service is unchanged, apart from its failure text.

    Raises:
        ConflictError: the verb is not possible now, or the module is not active.
        NotFoundError: there is no such service.
        PermissionDenied: the actor may not request the verb.
    """
    actor.require(VERBS[verb].permission if verb in VERBS else SERVICES_PROVISION)
    service = find_service(service_uuid)
    module = module_of(service)
    if module is None and service.product.module:
        raise ConflictError(_("The module of this service is not active."))
    if verb == "create":
        _check_accepted(service)
    if module is not None and verb == "create":
        _check_settings(module, service, actor, again=again)
    never_created = service.provision_status == ProvisionStatus.PENDING
    cancels = module is not None and implements(module, VERBS["cancellation"])
    if module is None and verb in VERBS and VERBS[verb].from_idle is not None:
        raise ConflictError(
            _("A service without a module can't be made idle or resumed from idle.")
        )
    with transaction():
        reason = clean_reason(reason)
        rule = _reserve(actor, service_uuid, verb, reason, again=again)
        if product_uuid and rule.key == "change_package":
            package_change.apply(
                actor=actor,
                service=lock_service(service_uuid),
                product_uuid=product_uuid,
                price_uuid=price_uuid,
            )
        # staff provision it, or there is nothing at the provider yet
        if module is None or (verb == "cancellation" and never_created and not cancels):
            settlement.complete(lock_service(service_uuid), rule, actor)
            return Result.success()
    result = _start(module, rule, service_uuid, actor)
    if not result.ok:
        message = redact_message(result.message, MAX_MESSAGE_LENGTH)
        _release(
            actor,
            service_uuid,
            rule,
            message or _("The module returned an error without a message."),
        )
    elif not result.pending:
        _complete_without_task(service_uuid)
    return result


def order_of(service: Service) -> Order | None:
    """Return the order of a service; None if staff created it without one."""
    query = sa.select(Order).join(OrderItem, OrderItem.order_id == Order.id)
    found = query.where(OrderItem.service_id == service.id)
    return session().scalar(found.execution_options(populate_existing=True))


def _check_accepted(service: Service) -> None:
    """Check that the order of a service does not wait for acceptance, and was not taken back.

    A cancelled order was marked as fraud before if it has services that run.

    Raises:
        ConflictError: it does, or was.
    """
    order = order_of(service)
    if order is None:
        return
    if order.status == OrderStatus.WAITING:
        text = _(
            "Order %(number)s is waiting for acceptance. Accept the order first.", number=order.id
        )
        raise ConflictError(text)
    if order.status == OrderStatus.FRAUD:
        raise ConflictError(_("Order %(number)s is marked as fraud.", number=order.id))
    if order.status == OrderStatus.CANCELLED and service.status == ServiceStatus.PENDING:
        raise ConflictError(_("Order %(number)s was cancelled.", number=order.id))


def _check_settings(
    module: LoadedModule, service: Service, actor: Principal, *, again: bool
) -> None:
    """Check that a service can be created with the saved settings.

    Raises:
        ConflictError: the product is not configured, one of its settings is invalid, or a required
            field of the service is empty.
    """
    try:
        check_configured(service.product)
    except InvalidInput as error:
        raise ConflictError(error.text) from None
    check_verb("create", service.status, service.provision_status, again=again)
    if problems := forms.invalid_settings(module, service_uuid=service.uuid, actor=actor):
        raise ConflictError(
            _(
                "The module settings of %(product)s are no longer valid. %(settings)s Open the"
                " product and correct them first.",
                product=service.product.name,
                settings=forms.listed(problems),
            )
        )
    if text := missing_fields(module, service.uuid, actor):
        raise ConflictError(text)


def missing_fields(module: LoadedModule, service_uuid: str, actor: Principal) -> Text | None:
    """Return which required fields of a service are empty, as a sentence; None if none is."""
    if getattr(module.cls, "ServiceForm", None) is None:
        return None
    call = calls.Call(module, "_missing_fields", service_uuid=service_uuid, actor=actor)
    called = calls.invoke(call)
    missing = called.value["data"] if isinstance(called.value, Mapping) else []
    if not missing:
        return None
    return _(
        "Fill in the module settings of this service first. Required: %(fields)s.",
        fields=", ".join(str(label) for label in missing),
    )


def clean_reason(text: str) -> str:
    """Return a reason on one line of at most MAX_REASON_LENGTH characters."""
    return " ".join(text.split())[:MAX_REASON_LENGTH]


def enqueue(
    *, module: type[Any], verb: str, service_uuid: str, actor: Principal | None = None
) -> Result:
    """Add the task of a verb, as `create()` and its siblings do unless a module overrides them.

    Args:
        module: the module's class, with its `job_options` and `on_loss()`.
        verb: a key of `domain.service_states.VERBS`.
        service_uuid: the service; reserved here unless the caller has reserved it.
        actor: who requests it; automation unless given.

    Returns:
        Success, or an error with the code 404 if there is no such service, 409 if the verb is not
        possible now, or 400 if the module's options are invalid.
    """
    try:
        _add_task(VERBS[verb], service_uuid, actor or AUTOMATION, job_options(module, verb))
    except NotFoundError as error:
        return Result.error(str(error), code=404)
    except ConflictError as error:
        return Result.error(str(error), code=409)
    except UserError as error:
        return Result.error(str(error), code=400)
    return Result.success()


def job_options(module: type[Any], verb: str) -> dict[str, Any]:
    """Return the task options of a verb's job: the defaults and what the module's class declares.

    Args:
        module: the module's class; its `job_options` are keyed by method name or verb.
        verb: a key of `domain.service_states.VERBS`.

    Raises:
        UserError: the module's `job_options` or `repeatable` cannot be used.
    """
    rule = VERBS[verb]
    try:
        declared = module.job_options.get(rule.job) or module.job_options.get(verb) or {}
        options = {**JOB_OPTIONS, **python_keys(dict(declared))}
        options["on_loss"] = module.on_loss(rule.job)
    except Exception as error:
        raise UserError(
            _("The module's job_options are invalid: %(describe)s.", describe=describe(error))
        ) from error
    if unknown := sorted(options.keys() - JOB_OPTIONS.keys() - {"on_loss"}):
        raise UserError(
            _("The module's job_options have unknown keys: %(items)s.", items=", ".join(unknown))
        )
    return options


def on_loss(module: type[Any], method: str) -> OnLoss:
    """Return what to do with a module's task whose worker crashed in mid-job.

    Args:
        module: the module's class.
        method: the job's method name.
    """
    if method in module.repeatable:
        return OnLoss.REPEAT
    is_verb_job = any(rule.job == method for rule in VERBS.values())
    if is_verb_job and callable(getattr(module, "observe", None)):
        return OnLoss.OBSERVE
    return OnLoss.LOSE


def missing_job(name: str, method: str) -> Result:
    """Return the error of a module that has no method for a verb's job.

    Args:
        name: the module's name.
        method: the job's method name.
    """
    text = _(
        "%(name)s does not support this action: it has no %(method)s().", name=name, method=method
    )
    return Result.error(str(text), code=501)


def _start(module: LoadedModule, rule: Verb, service_uuid: str, actor: Principal) -> Result:
    if defines(module, rule.method):
        call = calls.Call(module, rule.method, service_uuid=service_uuid, actor=actor)
        return calls.invoke(call).result
    if module.restricted:
        return Result.error(str(uncallable_reason(module.key)), code=503)
    if not defines(module, rule.job):
        return missing_job(module.name, rule.job)
    return enqueue(module=module.cls, verb=rule.key, service_uuid=service_uuid, actor=actor)


def _add_task(rule: Verb, service_uuid: str, actor: Principal, options: Mapping[str, Any]) -> None:
    service = find_service(service_uuid)
    if not (service.provision_status == ProvisionStatus.PROCESSING and service.verb == rule.key):
        _reserve(actor, service_uuid, rule.key)
    module_type, _, module_name = service.product.module.partition("/")
    target = {
        "type": module_type,
        "name": module_name,
        "product": service.product.uuid,
        "service": service_uuid,
    }
    add.add(
        job="ModuleJob",
        queue="Module",
        data={"module": target, "method": rule.job, "verb": rule.key},
        tags=[rule.key, f"service:{service_uuid}"],
        title=rule.label.source,
        module=service.product.module,
        subject_type="service",
        subject_uuid=service_uuid,
        actor=actor,
        **options,
    )


@transaction()
def _reserve(
    actor: Principal, service_uuid: str, verb: str, reason: str = "", *, again: bool = False
) -> Verb:
    """Mark a service as processing a verb."""
    service = lock_service(service_uuid)
    rule = check_verb(
        verb, service.status, service.provision_status, again=again, idle=service.idle
    )
    if any(settlement.own_verb(task) is not None for task in settlement.open_tasks(service)):
        raise ConflictError(
            _(
                "“%(verb)s” is not available: a task of this service has not finished. Wait until"
                " it finishes.",
                verb=rule.label,
            )
        )
    settlement.start(service, rule)
    audit.record(
        actor=actor,
        action=f"service.{rule.key}_requested",
        subject_type="service",
        subject_uuid=service_uuid,
        summary=_("%(operation)s requested: %(reason)s", operation=rule.noun, reason=reason)
        if reason
        else _("%(operation)s requested.", operation=rule.noun),
        after={"reason": reason} if reason else None,
    )
    raise_event(f"service.{rule.method}", {"service_uuid": service_uuid})
    return rule


@transaction()
def _release(actor: Principal, service_uuid: str, rule: Verb, reason: Text) -> None:
    """Restore a service whose request was rejected before a task was added."""
    service = lock_service(service_uuid)
    processing = service.provision_status == ProvisionStatus.PROCESSING
    if processing and not settlement.has_open_task(service):
        settlement.set_provision(service, service.settled_from)
        service.verb = ""
    package_change.revert(actor=actor, service=service)
    service.failure = reason
    audit.record(
        actor=actor,
        action=f"service.{rule.key}_refused",
        subject_type="service",
        subject_uuid=service_uuid,
        summary=_("%(operation)s rejected: %(reason)s", operation=rule.noun, reason=reason),
    )


@transaction()
def _complete_without_task(service_uuid: str) -> None:
    """Complete the verb of a module that did the work in `create()` itself, without a task."""
    service = lock_service(service_uuid)
    task_id = session().scalar(
        sa.select(Task.id)
        .where(Task.about("service", service_uuid), Task.created_at >= service.provision_since)
        .limit(1)
    )
    if service.provision_status == ProvisionStatus.PROCESSING and task_id is None:
        settlement.complete(service, VERBS.get(service.verb), AUTOMATION)
