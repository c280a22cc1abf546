"""PaymentEventJob, PaymentPollJob and RefundJob: read events, ask gateways, refund payments."""

from __future__ import annotations

from puqpanel.domain.errors import ConflictError, NotFoundError, UserError
from puqpanel.domain.payment_states import AWAITED, EventStatus, RefundStatus
from puqpanel.domain.texts import Text, _, verbatim
from puqpanel.host import calls, registry
from puqpanel.host.calls import Called
from puqpanel.host.contract.payments import RefundReport, reports_of
from puqpanel.host.contract.result import Result
from puqpanel.jobs.modules import outcome_of, parked
from puqpanel.models import Refund, Task
from puqpanel.operations.billing import (
    attempts,
    payment_events,
    payment_polls,
    payment_reports,
    refunds,
)
from puqpanel.operations.modules import breaker
from puqpanel.tasks.outcome import Outcome

NOT_READ = _("The module returned invalid reports: %(error)s.")
_NOT_RECORDED = _("An error of the panel. See its log.")
_FINAL = frozenset({400, 401, 402, 403, 404, 410, 422, 501})
"""Codes of errors that are definite. After others, such as 409 or 429, the outcome is unknown."""


class PaymentEventJob:
    """Have the module read a stored event, and record what it reports."""

    def run(self, task: Task) -> Outcome:
        """Read it; safe to repeat, because each payment is recorded once."""
        if outcome := parked(task):
            return outcome
        uuid = str(task.data["event"])
        row = payment_events.find_event(uuid)
        if row.status == EventStatus.READ:
            return Outcome("completed")
        called = call(task, row.gateway, "read_event", payment_events.content(row))
        try:
            outcome = recorded(called, task, row.gateway)
        except Exception:
            if task.attempt >= task.tries:
                payment_events.close(uuid=uuid, status=EventStatus.FAILED, note=_NOT_RECORDED)
            raise
        status = EventStatus.RECEIVED
        if outcome.kind == "completed":
            status = EventStatus.READ
        elif outcome.kind == "failed" or task.attempt >= task.tries:
            status = EventStatus.FAILED
        payment_events.close(uuid=uuid, status=status, note=outcome.message)
        return outcome

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Count a failure towards the circuit breaker."""
        breaker.record_outcome(task, outcome)


class PaymentPollJob:
    """Ask a gateway about an attempt or a payment, and record what it reports."""

    def run(self, task: Task) -> Outcome:
        """Ask once; the next time is set already."""
        if outcome := parked(task):
            return outcome
        uuid = str(task.data.get("attempt") or "")
        if uuid:
            attempt = attempts.find_attempt(uuid)
            gateway, outside_id = attempt.gateway, attempt.outside_id
        else:
            payment = refunds.find_payment(str(task.data["payment"]))
            gateway, outside_id = payment.gateway, payment.outside_id
        called = call(task, gateway, "observe_payment", outside_id)
        outcome = recorded(called, task, gateway)
        if not uuid and outcome.kind == "completed":
            payment = refunds.find_payment(payment.uuid)
            if payment.status in AWAITED and payment.polls >= len(payment_polls.INTERVALS):
                payment_polls.mark_unknown(payment.uuid)
        return outcome

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Do nothing: a provider that is away must not stop the module."""


class RefundJob:
    """Refund a payment at its gateway."""

    def run(self, task: Task) -> Outcome:
        """Ask the gateway; an unknown outcome is kept as such, and never repeated without a key."""
        if outcome := parked(task):
            return outcome
        refund = refunds.find_refund(str(task.data["refund"]))
        if refund.status not in (RefundStatus.REQUESTED, RefundStatus.UNKNOWN):
            return Outcome("completed")
        payment = refund.payment
        module = registry.current().modules[task.module]
        repeatable = payment_events.is_event_reader(module)
        if refund.status == RefundStatus.UNKNOWN and not repeatable:
            return Outcome("completed", _UNCONFIRMED)
        refunds.record_outcome(uuid=refund.uuid, status=RefundStatus.UNKNOWN)
        arguments = (payment.outside_id, refund.amount.major, refund.uuid)
        called = call(task, payment.gateway, "refund_payment", *arguments)
        status, outside_id, detail = _refund_outcome(called, refund)
        if status is not RefundStatus.UNKNOWN:
            refunds.record_outcome(
                uuid=refund.uuid, status=status, outside_id=outside_id, detail=detail
            )
            return Outcome("completed", verbatim(detail))
        return outcome_of(called, task) if repeatable else Outcome("failed", _UNCONFIRMED)

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Count a failure towards the circuit breaker."""
        breaker.record_outcome(task, outcome)


_UNCONFIRMED = _(
    "The gateway did not confirm the refund. Look it up at the provider and enter its outcome on"
    " the page of the payment."
)


def call(task: Task, gateway: str, method: str, *args: object) -> Called:
    """Call a method of the task's module for a gateway."""
    module = registry.current().modules[task.module]
    return calls.invoke(calls.Call(module, method, args, task=task, instance_uuid=gateway))


def recorded(called: Called, task: Task, gateway: str) -> Outcome:
    """Record the reports that a module returned."""
    if not called.ok:
        return outcome_of(called, task)
    try:
        reports = reports_of(called.value)
    except (ValueError, TypeError) as error:
        return Outcome("retry", NOT_READ % {"error": str(error)})
    try:
        count = payment_reports.record_all(gateway, reports)
    except NotFoundError as error:
        return Outcome("failed", error.text, blame=False)
    except ConflictError as error:  # the payment of a refund may be reported later
        return Outcome("retry", error.text, blame=False)
    except UserError as error:
        return Outcome("failed", error.text)
    return Outcome("completed", _reported(count))


def _reported(count: int) -> Text:
    return _("Reports recorded: %(count)s.", count=count)


def _refund_outcome(called: Called, refund: Refund) -> tuple[RefundStatus, str, str]:
    """Return status, identifier and text of what the gateway answered to a refund."""
    value, result = called.value, called.result
    if not called.ok:
        return RefundStatus.UNKNOWN, "", ""
    if isinstance(value, RefundReport):
        try:
            reports_of(value)
        except (ValueError, TypeError):
            return RefundStatus.UNKNOWN, "", ""
        return RefundStatus(value.status), value.outside_id, value.reason
    data = result.data if isinstance(result.data, dict) else {}
    outside_id = str(data.get("refund_id") or data.get("id") or "")[:200]
    if result.pending:
        return RefundStatus.PENDING, outside_id, result.message
    if result.ok:
        return RefundStatus.SUCCEEDED, outside_id, result.message
    return (RefundStatus.FAILED if is_final(result) else RefundStatus.UNKNOWN), "", result.message


def is_final(result: Result) -> bool:
    """Return whether an error says that nothing was done and nothing will be."""
    return result.retry is False or (result.retry is None and result.code in _FINAL)
