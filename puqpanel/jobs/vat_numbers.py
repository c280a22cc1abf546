"""VatCheckJob: ask VIES about a VAT number."""

from __future__ import annotations

from puqpanel.domain.errors import ExternalServiceError
from puqpanel.models import Task
from puqpanel.operations.billing import vat_numbers
from puqpanel.tasks.outcome import Outcome


class VatCheckJob:
    """Ask until there is an answer; safe to repeat."""

    def run(self, task: Task) -> Outcome:
        """Ask once."""
        data = task.data or {}
        try:
            text = vat_numbers.ask(str(data["client"]), str(data["number"]))
        except ExternalServiceError as error:
            return Outcome("retry", error.text, blame=False)
        return Outcome("completed", text)

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Do nothing: the answer is kept with the client."""
