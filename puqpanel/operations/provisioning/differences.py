"""What staff do about a difference between a service and its provider."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from puqpanel.domain.differences import LABELS, PUSHED, Difference, DifferenceKind, Observation
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.permissions import SERVICES_MANAGE, SERVICES_PROVISION, SERVICES_VIEW
from puqpanel.domain.principals import Principal
from puqpanel.domain.service_states import VERBS, ProvisionStatus, ServiceStatus, possible
from puqpanel.domain.texts import Text, _
from puqpanel.host.contract.result import Result
from puqpanel.host.form_fields import secret_fields
from puqpanel.infra.db import transaction
from puqpanel.models import Service
from puqpanel.operations.provisioning import observations, requests, settlement
from puqpanel.operations.provisioning.services import BUSY, find_service, lock_service, module_of
from puqpanel.operations.system import audit

CHANGED = _("The difference has changed since you opened the page. Check it and choose again.")
NONE_LEFT = _("The service no longer differs from its provider.")


def take_over_permissions(difference: Difference) -> Sequence[str]:
    """Return the permissions to take over what the provider reports; all are required."""
    permissions = [SERVICES_PROVISION] if difference.is_state else []
    return [*permissions, SERVICES_MANAGE] if difference.changes else permissions


def pushed_verb(service: Service, difference: Difference) -> str:
    """Return the verb that repeats the panel's state at the provider; empty if there is none."""
    verb = PUSHED.get(difference.kind, "")
    if verb and possible(verb, service.status, service.provision_status, again=True):
        return verb
    return ""


def can_create_again(service: Service, difference: Difference | None) -> bool:
    """Return whether a service was active and is gone, so that it can be created again."""
    gone = difference is not None and difference.kind is DifferenceKind.GONE
    missing = service.provision_status == ProvisionStatus.NOT_FOUND and difference is None
    return (gone or missing) and service.status in VERBS["create"].repeats


@transaction()
def take_over(*, actor: Principal, service_uuid: str, seen: str) -> None:
    """Make what the provider reports the state and the data of a service; nothing is requested.

    A service that is gone is marked as not found; it is not terminated.

    Args:
        actor: who chose it.
        service_uuid: the service.
        seen: the digest of the difference that the actor saw.

    Raises:
        ConflictError: the difference is another one now, or an operation is in progress.
        PermissionDenied: the actor may not change what differs.
    """
    actor.require(SERVICES_VIEW)
    service = lock_service(service_uuid)
    found = observations.difference_of(service)
    for permission in take_over_permissions(found[1]) if found else ():
        actor.require(permission)
    observation, difference = _find(service, seen)
    if difference.changes and module_of(service) is None:
        raise ConflictError(_("The module of this service is not active."))
    before, after = _states(service), {change.key: change.provider for change in difference.changes}
    data_before = {change.key: change.panel for change in difference.changes}
    if after:
        service.provision_data = {**service.provision_data, **after}
    if difference.is_state:
        settlement.adopt(service, *_reported(service, observation))
    _record(
        actor,
        service,
        "service.taken_over",
        _("Provider state accepted: %(difference)s.", difference=LABELS[difference.kind]),
        before={**before, **data_before},
        after={**_states(service), **after},
    )
    observations.store(service, observation, None)


def push_again(*, actor: Principal, service_uuid: str, seen: str) -> Result:
    """Repeat the state that the panel has at the provider, by the verb that leads to it.

    Args:
        actor: who chose it.
        service_uuid: the service.
        seen: the digest of the difference that the actor saw.

    Returns:
        The result of the request.

    Raises:
        ConflictError: the difference is another one now, or the verb is not possible now.
        PermissionDenied: the actor may not provision services.
    """
    actor.require(SERVICES_PROVISION)
    with transaction():
        service = lock_service(service_uuid)
        difference = _find(service, seen)[1]
        verb = pushed_verb(service, difference)
        if not verb:
            raise ConflictError(_("There is nothing to reapply at the provider."))
    result = requests.request(actor=actor, service_uuid=service_uuid, verb=verb, again=True)
    if result.ok:
        text = _(
            "Panel state reapplied; the provider had reported: %(difference)s.",
            difference=LABELS[difference.kind],
        )
        with transaction():
            _record(actor, find_service(service_uuid), "service.pushed_again", text)
    return result


def create_again(*, actor: Principal, service_uuid: str, seen: str) -> Result:
    """Create a service again that was active and is gone at its provider.

    Args:
        actor: who chose it.
        service_uuid: the service.
        seen: the digest of the difference that the actor saw; empty if the service is already
            marked as not found.

    Returns:
        The result of the request.

    Raises:
        ConflictError: the service is not gone, or an operation is in progress.
        PermissionDenied: the actor may not provision services.
    """
    actor.require(SERVICES_PROVISION)
    with transaction():
        service = lock_service(service_uuid)
        found = observations.difference_of(service)
        difference = _find(service, seen)[1] if seen or found else None
        if not can_create_again(service, difference):
            raise ConflictError(
                _("Only a service that no longer exists at the provider can be recreated.")
            )
        if difference is not None:
            before = _states(service)
            settlement.adopt(service, ServiceStatus(service.status), ProvisionStatus.NOT_FOUND)
            text = _("Provider state accepted: %(difference)s.", difference=LABELS[difference.kind])
            after = _states(service)
            _record(actor, service, "service.taken_over", text, before=before, after=after)
            settlement.forget_difference(service)
    result = requests.request(actor=actor, service_uuid=service_uuid, verb="create", again=True)
    if result.ok:
        with transaction():
            text = _("No longer exists at the provider; recreating.")
            _record(actor, find_service(service_uuid), "service.created_again", text)
    return result


def _find(service: Service, seen: str) -> tuple[Observation, Difference]:
    """Return the difference of a service if it is the one that was seen."""
    busy = any(settlement.own_verb(task) for task in settlement.open_tasks(service))
    if busy or service.provision_status == ProvisionStatus.PROCESSING:
        raise ConflictError(BUSY)
    found = observations.difference_of(service)
    if found is None:
        raise ConflictError(NONE_LEFT)
    if found[1].digest != seen:
        raise ConflictError(CHANGED)
    return found


def _reported(service: Service, observation: Observation) -> tuple[ServiceStatus, ProvisionStatus]:
    """Return the states of a service as its provider reports them."""
    status = ServiceStatus(service.status)
    if not observation.exists:
        return status, ProvisionStatus.NOT_FOUND
    suspended = observation.suspended
    if suspended is None:
        suspended = status == ServiceStatus.SUSPENDED
    provision = ProvisionStatus.SUSPENDED if suspended else ProvisionStatus.COMPLETED
    if status == ServiceStatus.FRAUD:
        return status, provision
    return ServiceStatus.SUSPENDED if suspended else ServiceStatus.ACTIVE, provision


def _states(service: Service) -> dict[str, str]:
    return {"status": service.status, "provision_status": service.provision_status}


def _record(
    actor: Principal,
    service: Service,
    action: str,
    summary: Text,
    *,
    before: dict[str, object] | dict[str, str] | None = None,
    after: dict[str, object] | dict[str, str] | None = None,
) -> None:
    old, new = audit.changed(before or {}, after or {})
    audit.record(
        actor=actor,
        action=action,
        subject_type="service",
        subject_uuid=service.uuid,
        summary=summary,
        before=old,
        after=new,
        secrets=_secrets(service),
    )


def _secrets(service: Service) -> Collection[str]:
    module = module_of(service)
    return secret_fields(module.cls) if module else ()
