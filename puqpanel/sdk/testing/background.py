"""Probes of what a module does by itself: periodic work, and what it hears."""

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


@probe("periodic work twice")
def periodic_work(bench: Bench) -> str:
    """Each entry of the schedule runs, and once more: a run may come late, and two may come
    close together.
    """
    schedule = bench.lab.loaded.schedule
    if not schedule:
        raise NotTested("It has no schedule.")
    for work in schedule:
        for time in ("first", "second"):
            called = calls.invoke(
                calls.Call(bench.lab.loaded, work.method, task=TaskRow(id=0, attempt=1, data={}))
            )
            assert not called.error, f"“{work.name}”, the {time} time: {called.error}"
            assert called.result.ok or called.result.pending, (
                f"“{work.name}”, the {time} time: {called.result.message}"
            )
    return f"{len(schedule)} entry(ies) ran twice."


@probe("strange events")
def strange_events(bench: Bench) -> str:
    """What a listener is told may lack anything, and may be about something that is gone."""
    hooks = bench.lab.loaded.hooks
    if not hooks:
        raise NotTested("It listens to nothing.")
    for hook in hooks:
        known = EVENTS.get(hook.event)
        full = dict.fromkeys(known.payload, "00000000-0000-4000-8000-000000000000") if known else {}
        for payload in (*STRANGE, full):
            called = calls.invoke(
                calls.Call(bench.lab.loaded, hook.label, (hook.event, payload), hook=hook)
            )
            assert not called.reference, (
                f"{hook.label}() raised at {hook.event} with {str(payload)[:80]}: {called.error}"
            )
    return f"{len(hooks)} listener(s) took all of them."
