"""The buttons and menu entries of a service's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for

from puqpanel.domain.permissions import (
    ORDERS_MANAGE,
    SERVICES_MANAGE,
    SERVICES_PROVISION,
    SERVICES_TERMINATE,
)
from puqpanel.domain.service_states import VERBS, ProvisionStatus, ServiceStatus, possible
from puqpanel.domain.task_states import RETRYABLE
from puqpanel.domain.texts import Text, _, named
from puqpanel.models import Service
from puqpanel.operations.ordering.changes import RUNNING
from puqpanel.operations.ordering.contracts import ENDED
from puqpanel.operations.oversight.tasks import find_task, retry_permissions
from puqpanel.operations.provisioning import services, settlement
from puqpanel.web.guard import can

BROKEN = (ProvisionStatus.FAILED, ProvisionStatus.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class Action:
    """A button or menu entry: a link, or a form that posts to `url`."""

    label: Text
    url: str
    icon: str
    posts: bool = False
    danger: bool = False


@dataclass(frozen=True, slots=True)
class ServiceActions:
    """What the viewer can do with a service.

    Args:
        primary: the highlighted button, if there is one.
        menu: the entries of the Actions menu.
    """

    primary: Action | None
    menu: Sequence[Action]


def actions_for(
    service: Service, tasks: Sequence[Any], *, busy: bool, ending: bool
) -> ServiceActions:
    """Return what the signed-in staff member can do with a service now.

    Args:
        service: the service.
        tasks: its latest tasks, newest first.
        busy: whether work is under way, which leaves no primary button.
        ending: whether its end was requested.
    """
    has_module = services.module_of(service) is not None
    ready = has_module or not service.product.module
    provision = ready and can(SERVICES_PROVISION)
    verbs = services.possible_verbs(service)
    failed = service.provision_status in BROKEN
    menu = []
    if can(SERVICES_MANAGE):
        menu.append(_link(service, _("Rename service"), "admin.services.edit", "pen"))
        if service.status not in ENDED:
            menu.append(_link(service, _("Change price…"), "admin.terms.price", "tag"))
            text = _("Change charged-until date…")
            menu.append(_link(service, text, "admin.terms.charged_until", "calendar-check"))
            menu.append(_link(service, _("Transfer…"), "admin.terms.transfer", "right-left"))
        if has_module:
            menu.append(_link(service, _("Module settings"), "admin.services.settings", "sliders"))
    if can(ORDERS_MANAGE) and service.status in RUNNING and not ending:
        menu.append(_link(service, _("Change plan…"), "admin.changes.change", "arrows-up-down"))
    if provision:
        menu.extend(
            _verb_action(service, verb)
            for verb in ("suspend", "unsuspend", "idle", "unidle", "change_package")
            if verb in verbs and (verb != "unsuspend" or failed)
        )
    if can(SERVICES_TERMINATE):
        if not ending and service.status not in ENDED:
            menu.append(
                _link(service, _("Request cancellation…"), "admin.endings.end", "calendar-xmark")
            )
        menu.extend(_endings(service, verbs, ready=ready))
    primary = _primary(service, tasks, verbs, failed) if ready and not busy else None
    return ServiceActions(primary, [action for action in menu if action != primary])


def _endings(service: Service, verbs: Sequence[str], *, ready: bool) -> list[Action]:
    """Return what takes the service from its client."""
    actions = []
    if service.status == ServiceStatus.FRAUD:
        url = url_for("admin.provisioning.lift_fraud", uuid=service.uuid)
        actions.append(Action(_("Remove fraud mark"), url, "user-check", posts=True))
    elif service.provision_status != ProvisionStatus.PROCESSING:
        mark = _("Mark as fraud…")
        actions.append(_link(service, mark, "admin.provisioning.mark_fraud", "user-secret"))
    never_created = service.provision_status == ProvisionStatus.PENDING
    if ready and never_created and "cancellation" in verbs:
        label = _("%(action)s…", action=VERBS["cancellation"].label)
        actions.append(_link(service, label, "admin.provisioning.cancel", "ban"))
    if ready and "terminate" in verbs:
        actions.append(_verb_action(service, "terminate"))
    return actions


def _primary(
    service: Service, tasks: Sequence[Any], verbs: Sequence[str], failed: bool
) -> Action | None:
    if failed and tasks and tasks[0].status in RETRYABLE:
        task = find_task(tasks[0].uuid)
        if not all(can(permission) for permission in retry_permissions(task)):
            return None
        verb = settlement.own_verb(task)
        state = service.status, service.provision_status
        again = verb is not None and service.verb == verb.key
        if verb and not possible(verb.key, *state, again=again, idle=service.idle):
            return None
        title = named(tasks[0].title)
        url = url_for("admin.provisioning.retry", uuid=service.uuid)
        return Action(_("Retry: %(task)s", task=title), url, "rotate-right", posts=True)
    if not can(SERVICES_PROVISION):
        return None
    offered = ("create", "unsuspend", "unidle", "change_package")
    key = next((key for key in offered if key in verbs), None)
    return _verb_action(service, key) if key else None


def _verb_action(service: Service, verb: str) -> Action:
    label = VERBS[verb].label
    if verb in ("create", "unsuspend", "unidle"):
        url = url_for("admin.provisioning.at_once", uuid=service.uuid, verb=verb)
        return Action(label, url, "bolt" if verb == "create" else "play", posts=True)
    if verb in ("suspend", "idle"):
        icon = "pause" if verb == "suspend" else "moon"
        return _link(service, _("%(action)s…", action=label), f"admin.provisioning.{verb}", icon)
    if verb == "change_package":
        endpoint = "admin.provisioning.change_package"
        return _link(service, label, endpoint, "arrow-right-arrow-left")
    url = url_for("admin.provisioning.terminate", uuid=service.uuid)
    return Action(_("%(action)s…", action=label), url, "trash-can", danger=True)


def _link(service: Service, label: Text, endpoint: str, icon: str) -> Action:
    return Action(label, url_for(endpoint, uuid=service.uuid), icon)
