"""ChangeJob: ask the module of a service that was changed, or staff, to change its package."""

from __future__ import annotations

from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.texts import _, verbatim
from puqpanel.models import Task
from puqpanel.operations.ordering import manual_changes
from puqpanel.operations.ordering.contracts import ENDED
from puqpanel.operations.provisioning import requests
from puqpanel.operations.provisioning.services import find_service
from puqpanel.tasks.outcome import Outcome


class ChangeJob:
    """Request the change of package; safe to repeat, because the module is sent the same values."""

    def run(self, task: Task) -> Outcome:
        """Request it, or leave it to staff, unless the service has ended."""
        service = find_service(str((task.data or {})["service"]))
        if service.status in ENDED:
            return Outcome("completed", _("The service has ended."))
        if manual_changes.is_by_hand(service):
            return Outcome("park", manual_changes.to_do(task))
        try:
            result = requests.request(
                actor=AUTOMATION,
                service_uuid=service.uuid,
                verb="change_package",
                reason=task.title,
            )
        except UserError as error:
            return Outcome("retry", error.text, blame=False)
        if not result.ok:
            return Outcome("retry", verbatim(result.message), blame=False)
        return Outcome("completed")

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Do nothing: the request records its own result."""
