"""HookJob: call a module's listener with an event."""

from __future__ import annotations

from dataclasses import replace

from puqpanel.domain.texts import _
from puqpanel.host import calls, registry
from puqpanel.jobs.modules import outcome_of, parked
from puqpanel.models import Task
from puqpanel.operations.modules import breaker, hooks
from puqpanel.tasks.outcome import Outcome


class HookJob:
    """Call the listener that the task names. A failed call is not retried."""

    def run(self, task: Task) -> Outcome:
        """Run one attempt; park it while the module is unavailable."""
        if outcome := parked(task):
            return outcome
        module = registry.current().modules[task.module]
        hook = hooks.find(module, task.data)
        if hook is None:
            return Outcome("completed", _("The module no longer has this listener."), blame=False)
        token = hooks.depth.set(int(task.data.get("depth") or 1))
        try:
            called = calls.invoke(
                calls.Call(
                    module,
                    hook.label,
                    (task.data["event"], dict(task.data.get("payload") or {})),
                    task=task,
                    hook=hook,
                )
            )
        finally:
            hooks.depth.reset(token)
        if not called.error and isinstance(called.value, str | None):
            return Outcome("completed")  # a listener needs no result
        # not even after a wait: the listener may have done half of its work
        return outcome_of(replace(called, wait_until=None), task)

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Count a failure towards the circuit breaker."""
        breaker.record_outcome(task, outcome)
