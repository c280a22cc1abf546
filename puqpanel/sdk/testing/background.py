"""Probes of scheduled work and event listeners."""

from typing import Any

from puqpanel.domain.events import EVENTS
from puqpanel.host import calls
from puqpanel.models.system.tasks import Task as TaskRow
from puqpanel.sdk.testing.contract import Bench, NotTested, probe

STRANGE: tuple[dict[str, Any], ...] = (
    {},
    {"service_uuid": "nobody"},
    {"service_uuid": None, "reason": "x" * 5000},
    {"raised_by": "", "a": [{"b": None}]},
)


@probe("scheduled jobs twice")
def periodic_work(bench: Bench) -> str:
    """Run each entry of the schedule twice: runs may be late or close together."""
    schedule = bench.lab.loaded.schedule
    if not schedule:
        raise NotTested("The module has no schedule.")
    for work in schedule:
        for run in ("first", "second"):
            called = calls.invoke(
                calls.Call(bench.lab.loaded, work.method, task=TaskRow(id=0, attempt=1, data={}))
            )
            assert not called.error, f"“{work.name}”, {run} run: {called.error}"
            assert called.result.ok or called.result.pending, (
                f"“{work.name}”, {run} run: {called.result.message}"
            )
    return f"Scheduled jobs run twice: {len(schedule)}."


@probe("malformed events")
def strange_events(bench: Bench) -> str:
    """Call listeners with payloads that lack keys or refer to deleted records."""
    hooks = bench.lab.loaded.hooks
    if not hooks:
        raise NotTested("The module has no listeners.")
    for hook in hooks:
        event = EVENTS.get(hook.event)
        full = dict.fromkeys(event.payload, "00000000-0000-4000-8000-000000000000") if event else {}
        for payload in (*STRANGE, full):
            called = calls.invoke(
                calls.Call(bench.lab.loaded, hook.label, (hook.event, payload), hook=hook)
            )
            assert not called.reference, (
                f"{hook.label}() raised on {hook.event} with {str(payload)[:80]}: {called.error}"
            )
    return f"Listeners called: {len(hooks)}."
