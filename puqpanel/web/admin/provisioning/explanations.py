"""Explanations of a service's status, taken from its audit entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.domain.texts import Text, _, verbatim
from puqpanel.models import Audit, Service
from puqpanel.web.look import actor_name
from puqpanel.web.statuses import status

DECISIVE = ("_failed", "_refused", "_succeeded", ".provision_status_changed", ".taken_over")
"""Endings of the audit actions that change or explain a status."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """An explanation as the page shows it.

    Args:
        question: the heading.
        sentence: the answer.
        tone: the colour of the icon's tile.
        icon: the icon's name.
        event: the audit entry that changed the status or recorded the failure, if it is recent.
        request: the audit entry of the request that led to it, if known.
    """

    question: Text
    sentence: Text
    tone: str
    icon: str
    event: Audit | None
    request: Audit | None = None


def explain_status(service: Service, history: Sequence[Audit]) -> Explanation | None:
    """Explain why a service failed or is not active; None if there is nothing to explain.

    Args:
        service: the service.
        history: its latest audit entries, newest first.
    """
    fraud = service.status == ServiceStatus.FRAUD
    endings = ".fraud_marked" if fraud else DECISIVE
    event = next((entry for entry in history if entry.action.endswith(endings)), None)
    if service.failure and not fraud:
        question = _failure_question(service, event)
        return Explanation(question, service.failure, "bad", "triangle-exclamation", event)
    if service.status == ServiceStatus.ACTIVE or event is None:
        return None
    shown = status("service", service.status)
    request = _request_of(event, history)
    return Explanation(
        _("Why is its status “%(status)s”?", status=shown.word),
        _sentence(service, event, request),
        shown.tone,
        shown.icon,
        event,
        request,
    )


def _request_of(event: Audit, history: Sequence[Audit]) -> Audit | None:
    verb = event.action.removeprefix("service.").removesuffix("_succeeded")
    action = f"service.{verb}_requested"
    return next(
        (entry for entry in history if entry.action == action and entry.id < event.id), None
    )


def _sentence(service: Service, event: Audit, request: Audit | None) -> Text:
    reason = str((request.after or {}).get("reason", "")) if request else ""
    if reason:
        return verbatim(reason)
    if request is not None and request.action == "service.suspend_requested":
        return _(
            "Suspended by %(name)s, who gave no reason.",
            name=actor_name(request.actor_kind, request.actor_name),
        )
    return event.summary


def _failure_question(service: Service, event: Audit | None) -> Text:
    if service.provision_status in (ProvisionStatus.FAILED, ProvisionStatus.NOT_FOUND):
        return _("Why did it fail?")
    if service.provision_status == ProvisionStatus.PROCESSING:
        return _("Why did the last attempt fail?")
    if event is not None and event.action.endswith("_refused"):
        return _("Why was it rejected?")
    return _("What was the error?")
