"""NotificationJob: send a message through a sender."""

from __future__ import annotations

from puqpanel.domain.errors import NotFoundError
from puqpanel.domain.texts import _
from puqpanel.host import calls, registry
from puqpanel.jobs.modules import outcome_of, parked
from puqpanel.models import Task
from puqpanel.operations.modules import breaker, configured_modules
from puqpanel.tasks.outcome import Outcome


class NotificationJob:
    """Call `send(message)` of the sender's module."""

    def run(self, task: Task) -> Outcome:
        """Run one attempt.

        Parks while the module is unavailable; fails if the sender is deleted or disabled.
        """
        if outcome := parked(task):
            return outcome
        uuid = str(task.data.get("sender") or "")
        try:
            sender = configured_modules.find_instance(uuid, "Notification")
        except NotFoundError:
            return Outcome("failed", _("The sender was deleted."), blame=False)
        if not sender.active:
            text = _("The sender %(title)s is disabled; enable it and retry.", title=sender.title)
            return Outcome("failed", text, blame=False)
        called = calls.invoke(
            calls.Call(
                registry.current().modules[task.module],
                "send",
                (dict(task.data.get("message") or {}),),
                task=task,
                instance_uuid=uuid,
            )
        )
        outcome = outcome_of(called, task)
        result = called.result
        if (
            outcome.kind == "retry"
            and result.retry is None
            and (result.errors or result.code == 422)
        ):
            # an invalid message fails again on every attempt
            return Outcome("failed", outcome.message, outcome.output)
        return outcome

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Count a failure towards the circuit breaker."""
        breaker.record_outcome(task, outcome)
