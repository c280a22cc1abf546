"""EndJob and CancelledJob: terminate a cancelled service, and credit one that was never set up."""

from __future__ import annotations

from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.domain.texts import _, verbatim
from puqpanel.models import Task
from puqpanel.operations.ordering import endings
from puqpanel.operations.ordering.contracts import ENDED
from puqpanel.operations.provisioning import requests
from puqpanel.operations.provisioning.services import find_service
from puqpanel.tasks.outcome import Outcome


class EndJob:
    """Request the termination of a service; safe to repeat, because a service ends once."""

    def run(self, task: Task) -> Outcome:
        """Request it, unless the service has ended or is being terminated."""
        service = find_service(str((task.data or {})["service"]))
        processing = service.provision_status == ProvisionStatus.PROCESSING
        if service.status in ENDED or (processing and service.verb == "terminate"):
            return Outcome("completed", _("The termination was requested before."))
        waits = (ServiceStatus.PENDING, ProvisionStatus.PENDING)
        verb = (
            "cancellation" if (service.status, service.provision_status) == waits else "terminate"
        )
        try:
            result = requests.request(
                actor=AUTOMATION, service_uuid=service.uuid, verb=verb, reason=task.title
            )
        except UserError as error:
            return Outcome("retry", error.text, blame=False)
        if not result.ok:
            return Outcome("retry", verbatim(result.message), blame=False)
        return Outcome("completed")

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Do nothing: the request records its own result."""


class CancelledJob:
    """Credit what was charged for a cancelled service and close its order; safe to run again."""

    def run(self, task: Task) -> Outcome:
        """Do it, again later if a document cannot be issued."""
        try:
            endings.settle_cancelled(str((task.data or {})["service"]))
        except UserError as error:
            return Outcome("retry", error.text, blame=False)
        return Outcome("completed")

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Do nothing: the operation records its own result."""
