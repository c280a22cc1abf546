"""ObserveJob and ReconcileJob: ask providers for the state of services."""

from __future__ import annotations

from puqpanel.domain.differences import LABELS, Difference
from puqpanel.domain.texts import Text, _, verbatim
from puqpanel.host import calls, registry
from puqpanel.host.calls import Called
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.clock import now
from puqpanel.jobs.modules import observed, outcome_of, parked
from puqpanel.models import Task
from puqpanel.operations.modules import breaker
from puqpanel.operations.modules.availability import unavailable_reason
from puqpanel.operations.provisioning import observations
from puqpanel.tasks.outcome import Outcome

MAX_FAILURES = 3
"""Failures in a row after which a batch ends, because the provider is probably unreachable."""
NO_STATE = _(
    "observe() returned an invalid state. It must return exists as True or False, and suspended and"
    " data if they are known."
)


class ObserveJob:
    """Ask about one service, because staff clicked Refresh."""

    def run(self, task: Task) -> Outcome:
        """Call `observe()` and record the answer; park while the module is unavailable."""
        if outcome := parked(task):
            return outcome
        called, used, difference = _observe(
            registry.current().modules[task.module], task, task.subject_uuid
        )
        if used is None:
            outcome = outcome_of(called, task)
            if outcome.kind == "completed":
                return Outcome("failed", NO_STATE, outcome.output)
            if outcome.kind == "again":
                return Outcome("failed", outcome.message, outcome.output)
            return outcome
        # the answer is stored with the difference, encrypted
        return Outcome("completed", _sentence(used, difference))

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Count a failure towards the circuit breaker; the service is not changed."""
        breaker.record_outcome(task, outcome)


class ReconcileJob:
    """Ask about a batch of a module's services that are due."""

    def run(self, task: Task) -> Outcome:
        """Call `observe()` for each service, until the provider is unreachable.

        A service whose provider asks to wait is due again then; other services may have another
        provider.
        """
        if reason := unavailable_reason(task.module):
            return Outcome("completed", verbatim(str(reason)))
        module = registry.current().modules[task.module]
        asked = differing = failures = in_a_row = 0
        for uuid in observations.due(module, observations.batch_size(module)):
            observations.postpone(uuid)
            called, used, difference = _observe(module, task, uuid)
            if used is None and called.wait_until is not None:
                observations.postpone(uuid, called.wait_until)
            asked += 1
            differing += difference is not None
            failures += used is None
            in_a_row = in_a_row + 1 if used is None else 0
            if in_a_row == MAX_FAILURES:
                break
        text = _(
            "Services checked: %(asked)s, failed: %(failures)s, different: %(differing)s.",
            asked=asked,
            failures=failures,
            differing=differing,
        )
        return Outcome("completed", text)

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Do nothing: a comparison must not stop the module's provisioning."""


def _observe(
    module: LoadedModule, task: Task, service_uuid: str
) -> tuple[Called, bool | None, Difference | None]:
    """Ask about a service and record the answer.

    Returns:
        The call, whether its answer was used (None if there is none), and the difference.
    """
    asked_at = now()
    called = calls.invoke(calls.Call(module, "observe", task=task, service_uuid=service_uuid))
    observation = observed(called)
    if observation is None:
        return called, None, None
    used, difference = observations.record(
        service_uuid=service_uuid, observation=observation, asked_at=asked_at
    )
    return called, used, difference


def _sentence(used: bool, difference: Difference | None) -> Text:
    if not used:
        return _("The service changed during the refresh. Refresh again.")
    if difference is None:
        return _("The provider and the panel agree.")
    return _("Difference found: %(difference)s.", difference=LABELS[difference.kind])
