"""What clients see of a service's status. Provider errors and fraud reviews are not shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.domain.texts import Text, _
from puqpanel.models import Service
from puqpanel.web.documents import shown_day

ENDED = (ServiceStatus.TERMINATED, ServiceStatus.CANCELLED)
SUSPENDED = (ServiceStatus.SUSPENDED, ServiceStatus.FRAUD)
NO_ACTION = _("We're working on it. No action needed.")
DATA_KEPT = _("Your data is kept. Contact support if you have questions.")


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice on a page: its tone, bold start, text and error reference."""

    tone: str
    title: Text | str
    text: Text | str
    reference: str = ""


def list_rows(
    services: Iterable[Service], ends: Mapping[int, date]
) -> list[tuple[Service, str, Text | str]]:
    """Return the rows of a list: service, status to show, and a remark if it is not just active.

    Args:
        services: the services.
        ends: on which day cancelled ones end, by their id.
    """
    return [
        (service, visible_status(service), _note(service, ends.get(service.id)))
        for service in services
    ]


def visible_status(service: Service) -> str:
    """Return the status shown to clients: a fraud review appears as a suspension."""
    if service.status == ServiceStatus.FRAUD:
        return ServiceStatus.SUSPENDED
    return service.status


def _note(service: Service, ends_on: date | None) -> Text | str:
    pending = service.status == ServiceStatus.PENDING
    if service.provision_status == ProvisionStatus.PROCESSING:
        return _("Being set up") if pending else _("Being updated")
    if pending and service.provision_status == ProvisionStatus.FAILED:
        return _("Delayed. We're working on it.")
    active = service.status == ServiceStatus.ACTIVE
    if active and service.provision_status == ProvisionStatus.NOT_FOUND:
        return _("Unavailable. We're working on it.")
    return _("Ends on %(day)s", day=shown_day(ends_on)) if ends_on else ""


def home_notice(service: Service) -> Notice | None:
    """Return the notice about a service on the home page, if there is one."""
    pending = service.status == ServiceStatus.PENDING
    if pending and service.provision_status == ProvisionStatus.FAILED:
        return Notice("warn", _("%(name)s is not ready yet.", name=service.name), NO_ACTION)
    if service.status in SUSPENDED:
        return Notice("warn", _("%(name)s is suspended.", name=service.name), DATA_KEPT)
    return None


def service_notice(service: Service) -> Notice | None:
    """Return the notice on the page of a service, if there is one."""
    status, provision_status = service.status, service.provision_status
    pending = status == ServiceStatus.PENDING
    failed = provision_status == ProvisionStatus.FAILED
    if provision_status == ProvisionStatus.PROCESSING:
        title = (
            _("Your service is being set up.") if pending else _("Your service is being updated.")
        )
        return Notice("busy", title, _("This takes a moment. You can leave this page."))
    if pending and failed:
        return Notice("warn", _("Setup is taking longer than expected."), NO_ACTION)
    if (
        status in (ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED)
        and provision_status == ProvisionStatus.NOT_FOUND
    ):
        return Notice("warn", _("This service is currently unavailable."), NO_ACTION)
    if status == ServiceStatus.ACTIVE and failed and service.verb == "change_package":
        return Notice(
            "warn",
            _("Your package change is taking longer than expected."),
            _("We're working on it. Your current package stays active until then."),
        )
    if status in SUSPENDED:
        return Notice("warn", _("This service is suspended."), DATA_KEPT)
    if status == ServiceStatus.CANCELLED:
        return Notice("busy", _("This service was cancelled."), _("It is no longer charged."))
    if status in ENDED:
        return Notice("busy", _("This service has ended."), _("Its data has been deleted."))
    return None
