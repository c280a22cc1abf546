"""ModuleJob: call a method of a module as a job."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from puqpanel.domain.differences import Observation
from puqpanel.domain.service_states import ProvisionStatus
from puqpanel.domain.texts import _, verbatim
from puqpanel.host import calls, registry
from puqpanel.host.calls import Called
from puqpanel.host.loaded import LoadedModule
from puqpanel.host.sanitize import jsonable
from puqpanel.infra import known_secrets
from puqpanel.infra.clock import now
from puqpanel.models import Task
from puqpanel.operations.modules import breaker
from puqpanel.operations.modules.availability import unavailable_reason, uncallable_reason
from puqpanel.operations.provisioning import settlement
from puqpanel.tasks.outcome import Outcome

LONGEST_WAITING = timedelta(hours=48)
"""How long providers can make a task wait in total."""
RESUMES = _("The task resumes when the module is available.")


class ModuleJob:
    """Call `data["method"]` of the task's module for the task's service."""

    def run(self, task: Task) -> Outcome:
        """Run one attempt.

        Parks while the module is unavailable; asks `observe()` before repeating a lost attempt.
        """
        if outcome := parked(task):
            return outcome
        module = registry.current().modules[task.module]
        if task.in_doubt:
            observed_outcome = self._observe(module, task)
            if observed_outcome is not None:
                return observed_outcome
        method, _, product = calls.job_data(task.data)
        called = calls.invoke(
            calls.Call(
                module,
                method,
                task=task,
                service_uuid=task.service_uuid or None,
                product_uuid=product,
            )
        )
        if task.service_uuid and called.service_changes:
            settlement.keep_service_data(
                service_uuid=task.service_uuid, changes=called.service_changes
            )
        return outcome_of(called, task)

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Settle the service and count failures, in the transaction that closes the task."""
        breaker.record_outcome(task, outcome)
        if task.service_uuid:
            settlement.record(task, outcome)

    def _observe(self, module: LoadedModule, task: Task) -> Outcome | None:
        """Ask the provider what an interrupted attempt has done; None if the job may run again."""
        called = calls.invoke(
            calls.Call(module, "observe", task=task, service_uuid=task.service_uuid or None)
        )
        facts = observed(called)
        if facts is None and called.wait_until is not None:
            return waiting(called, task)
        if facts is None:
            return Outcome(
                "lost",
                _(
                    "An attempt was interrupted and its result at the provider is unknown: "
                    "%(message)s",
                    message=called.result.message or called.error,
                ),
            )
        verb = settlement.own_verb(task)
        exists, suspended = facts.exists, bool(facts.suspended)
        ends = {
            "create": exists,
            "suspend": exists and suspended,
            "unsuspend": exists and not suspended,
            "terminate": not exists,
        }
        if (
            verb is None
            or verb.key not in ends
            or (not ends[verb.key] and (exists or verb.key == "create"))
        ):
            return None
        if not ends[verb.key]:
            settlement.set_provision_status(
                service_uuid=task.service_uuid, status=ProvisionStatus.NOT_FOUND
            )
            return Outcome(
                "failed", _("The account no longer exists at the provider."), _states(facts)
            )
        if facts.data:
            settlement.keep_service_data(service_uuid=task.service_uuid, changes=facts.data)
        return Outcome(
            "completed",
            _(
                "%(operation)s was completed before the interruption, as confirmed by the"
                " provider.",
                operation=verb.noun,
            ),
            _states(facts),
        )


def _states(facts: Observation) -> dict[str, Any]:
    """Return what a provider reported, without data, which can contain secrets."""
    return {"exists": facts.exists, "suspended": facts.suspended}


def parked(task: Task) -> Outcome | None:
    """Return the outcome that parks a task while its module is unavailable; None if it can run."""
    reason = unavailable_reason(task.module)
    if not reason or (not uncallable_reason(task.module) and breaker.allows_trial(task)):
        return None
    return Outcome("park", _("%(reason)s %(resumes)s", reason=reason, resumes=RESUMES))


def observed(called: Called) -> Observation | None:
    """Return the result of `observe()`; None if the state is unknown."""
    if called.error:
        return None
    value = jsonable(called.value)
    if isinstance(value, dict) and "exists" in value:
        return Observation.read(value)
    return Observation.read(jsonable(called.result.data)) if called.result.ok else None


def outcome_of(called: Called, task: Task) -> Outcome:
    """Return the outcome of an attempt from a module's result.

    If a provider refused a request because of a rate limit or a pause, the task waits, unless the
    module did the work nevertheless or forbids another attempt.
    """
    with known_secrets.collecting(called.known):
        return _outcome(called, task)


def _outcome(called: Called, task: Task) -> Outcome:
    result = called.result
    unfinished = called.raised or result.pending or (not result.ok and result.retry is not False)
    if unfinished and called.wait_until is not None:
        return waiting(called, task)
    output, message = result.as_dict(), verbatim(result.message)
    if called.raised:
        return Outcome("exception", verbatim(called.error), output, blame=bool(called.reference))
    if result.pending:
        return Outcome("again", message or _("The provider is still working."), output)
    if result.ok:
        return Outcome("completed", message, output)
    message = message or _("The module returned an error without a message.")
    return Outcome("failed" if result.retry is False else "retry", message, output)


def waiting(called: Called, task: Task) -> Outcome:
    """Return the outcome of an attempt after which the provider asks to wait."""
    at = max(called.wait_until or now(), now() + timedelta(seconds=task.backoff))
    seconds = task.waited + (at - now()).total_seconds()
    output = called.result.as_dict()
    values = {
        "reason": verbatim(called.error or called.result.message or ""),
        "time": f"{at:%Y-%m-%d %H:%M} UTC",
    }
    if seconds > LONGEST_WAITING.total_seconds():
        text = _(
            "%(reason)s The provider accepts no requests until %(time)s, which exceeds the"
            " maximum total wait for a task.",
            **values,
        )
        return Outcome("failed", text, output)
    text = _(
        "%(reason)s The provider accepts no requests until %(time)s; the task will continue then.",
        **values,
    )
    return Outcome("wait", text, output, blame=not called.raised, until=at)
