"""StepJob and ApprovedRunJob: suspend, terminate and unsuspend services for their payments."""

from __future__ import annotations

from puqpanel.domain.brake import RunKind
from puqpanel.domain.dunning import StepKind
from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.texts import SOURCE, _, verbatim
from puqpanel.models import Task
from puqpanel.operations.automation import charging, dunning, stopped_runs, suspensions
from puqpanel.operations.provisioning import requests
from puqpanel.tasks.outcome import Outcome


class StepJob:
    """Request the verb of a claimed step; safe to repeat, because the step is checked first."""

    def run(self, task: Task) -> Outcome:
        """Request it, unless it was paid or done meanwhile."""
        try:
            step = suspensions.confirm(int((task.data or {})["step"]))
            if step is None:
                return Outcome("completed", _("There was nothing left to do."))
            result = requests.request(
                actor=AUTOMATION,
                service_uuid=step.subject_uuid,
                verb=StepKind(step.step).value,
                reason=step.reason.translated(SOURCE),
            )
        except UserError as error:
            return Outcome("retry", error.text, blame=False)
        if not result.ok:
            return Outcome("retry", verbatim(result.message), blame=False)
        return Outcome("completed")

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Do nothing: the request records its own result."""


class ApprovedRunJob:
    """Take the steps of a stopped run that staff approved; safe to repeat."""

    def run(self, task: Task) -> Outcome:
        """Take those that are still due."""
        kind, steps = stopped_runs.approved_steps(task.data["run"])
        if kind == RunKind.CHARGES:
            taken = charging.run_approved(steps)
        else:
            taken = dunning.run_approved(kind, steps)
        return Outcome("completed", output={"taken": taken})

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Do nothing: each step has a task of its own."""
