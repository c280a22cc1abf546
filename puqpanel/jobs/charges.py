"""ChargeJob and RemoveMethodJob: charge saved payment methods, and remove them at the gateway."""

from __future__ import annotations

from dataclasses import replace

from puqpanel.domain.task_states import ENDED, TaskStatus
from puqpanel.domain.texts import _
from puqpanel.host import registry
from puqpanel.host.contract.payments import PaymentReport
from puqpanel.jobs.modules import outcome_of, parked
from puqpanel.jobs.payments import call, is_final, recorded
from puqpanel.models import Task
from puqpanel.operations.billing import attempts, method_charges, payment_methods
from puqpanel.operations.modules import breaker
from puqpanel.operations.modules.availability import defines
from puqpanel.tasks.outcome import Outcome

NO_REPORT = _("The module did not return what it has charged. Look the payment up at the provider.")


class ChargeJob:
    """Charge the method of an attempt."""

    def run(self, task: Task) -> Outcome:
        """Ask the gateway; without an answer, the charge is repeated with the same key."""
        if outcome := parked(task):
            return outcome
        uuid = str(task.data["attempt"])
        if (reason := method_charges.begin(uuid)) is not None:
            return Outcome("completed", reason)
        attempt = attempts.find_attempt(uuid)
        called = call(task, attempt.gateway, "charge_attempt", uuid)
        if not called.ok:
            return outcome_of(called, task)
        if isinstance(called.value, PaymentReport):
            report = replace(called.value, attempt=uuid)
            return recorded(replace(called, value=report), task, attempt.gateway)
        if called.result.ok:
            return Outcome("failed", NO_REPORT)
        if not is_final(called.result):
            return outcome_of(called, task)
        method_charges.fail(uuid=uuid, reason=called.result.message)
        return Outcome("completed", outcome_of(called, task).message, called.result.as_dict())

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Count a failure towards the circuit breaker, and leave the charge unknown after it."""
        breaker.record_outcome(task, outcome)
        if task.status in ENDED and task.status != TaskStatus.COMPLETED:
            method_charges.leave_unknown(str(task.data["attempt"]))


class RemoveMethodJob:
    """Remove a saved payment method at its gateway."""

    def run(self, task: Task) -> Outcome:
        """Ask the gateway; safe to repeat."""
        if outcome := parked(task):
            return outcome
        if not defines(registry.current().modules[task.module], "remove_method"):
            return Outcome("completed")
        method = payment_methods.find_method(str(task.data["method"]))
        called = call(task, method.gateway, "remove_method", payment_methods.saved(method))
        return outcome_of(called, task)

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Count a failure towards the circuit breaker."""
        breaker.record_outcome(task, outcome)
