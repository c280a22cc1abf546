"""ProvisionJob and FraudJob: request the creation or the suspension of an ordered service."""

from __future__ import annotations

from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.domain.texts import _, verbatim
from puqpanel.models import Task
from puqpanel.operations.ordering import acceptance
from puqpanel.operations.provisioning import requests
from puqpanel.operations.provisioning.services import find_service
from puqpanel.tasks.outcome import Outcome


class ProvisionJob:
    """Request the creation of a service; safe to repeat, because a service is created once."""

    def run(self, task: Task) -> Outcome:
        """Request it, unless somebody else has."""
        service = find_service(str((task.data or {})["service"]))
        waits = (ServiceStatus.PENDING, ProvisionStatus.PENDING)
        if (service.status, service.provision_status) != waits:
            return Outcome("completed", _("The service was requested before."))
        try:
            result = requests.request(
                actor=AUTOMATION, service_uuid=service.uuid, verb="create", reason=task.title
            )
        except UserError as error:
            return Outcome("retry", error.text, blame=False)
        if not result.ok:
            return Outcome("retry", verbatim(result.message), blame=False)
        return Outcome("completed")

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Do nothing: the request records its own result."""


class FraudJob:
    """Suspend a service whose order was marked as fraud, once nothing of it is in progress."""

    def run(self, task: Task) -> Outcome:
        """Request its suspension; a service that was never provisioned is marked as fraud."""
        service_uuid = str((task.data or {})["service"])
        try:
            if not acceptance.withhold(service_uuid):
                return Outcome("completed", _("There is nothing to suspend."))
            result = requests.request(
                actor=AUTOMATION, service_uuid=service_uuid, verb="suspend", reason=task.title
            )
        except UserError as error:
            return Outcome("retry", error.text, blame=False)
        if not result.ok:
            return Outcome("retry", verbatim(result.message), blame=False)
        return Outcome("completed")

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Do nothing: the request records its own result."""
