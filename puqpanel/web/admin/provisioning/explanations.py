"""Why a service stands where it stands: a question, one plain sentence, and the entries of the
audit that tell it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.models import Audit, Service
from puqpanel.web.look import status

TELLING = ("_failed", "_refused", "_succeeded", ".provision_status")


@dataclass(frozen=True, slots=True)
class Why:
    """The answer, as the page shows it.

    Args:
        question: the title.
        sentence: the answer.
        tone, icon: of its tile.
        event: the entry that moved or failed the service, if it is among the last.
        asked: the entry in which somebody asked for it, if that is known.
    """

    question: str
    sentence: str
    tone: str
    icon: str
    event: Audit | None
    asked: Audit | None


def why(service: Service, history: Sequence[Audit]) -> Why | None:
    """What there is to explain about a service; None where it simply runs.

    Args:
        service: which.
        history: its last entries in the audit, newest first.
    """
    event = next((entry for entry in history if entry.action.endswith(TELLING)), None)
    if service.failure:
        return Why(
            _went_wrong(service, event), service.failure, "bad", "triangle-exclamation", event, None
        )
    if service.status == ServiceStatus.ACTIVE or event is None:
        return None
    shown = status("service", service.status)
    question = f"Why is it {shown.word.lower()}?"
    verb = event.action.removeprefix("service.").removesuffix("_succeeded")
    asked = next(
        (
            entry
            for entry in history
            if entry.action == f"service.{verb}_requested" and entry.id < event.id
        ),
        None,
    )
    reason = str((asked.after or {}).get("reason", "")) if asked else ""
    if reason:
        sentence = reason
    elif asked is not None and service.status == ServiceStatus.SUSPENDED:
        sentence = f"{asked.actor_name} suspended it and wrote down no reason."
    else:
        sentence = event.summary
    return Why(question, sentence, shown.tone, shown.icon, event, asked)


def _went_wrong(service: Service, event: Audit | None) -> str:
    if service.provision_status in (ProvisionStatus.FAILED, ProvisionStatus.NOT_FOUND):
        return "Why did it fail?"
    if service.provision_status == ProvisionStatus.PROCESSING:
        return "What went wrong last time?"
    return (
        "Why was it refused?"
        if event is not None and event.action.endswith("_refused")
        else "What went wrong?"
    )
