"""Listeners of modules to events.

Each listener is a task of its own, written with what it is told about, so that it is never lost and
never told twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import structlog

from puqpanel.domain.actors import SYSTEM
from puqpanel.domain.errors import UserError
from puqpanel.domain.task_states import OnLoss
from puqpanel.host import registry
from puqpanel.host.contract.hooks import Hook
from puqpanel.host.loaded import LoadedModule
from puqpanel.host.sanitize import jsonable
from puqpanel.infra.db import transaction
from puqpanel.tasks.add import add

log = structlog.get_logger(__name__)
JOB, QUEUE = "HookJob", "Module"
TIMEOUT = 30
DEEPEST = 8
"""How far events that listeners dispatch may lead to further ones: two modules that answer each
other would never end.
"""
depth: ContextVar[int] = ContextVar("hook_depth", default=0)


def listeners(event: str) -> list[tuple[LoadedModule, Hook]]:
    """Return the listeners of an event in the order in which they run.

    Higher priority first, then by module and place in its file.
    """
    found = [
        (module, hook)
        for module in registry.current().modules.values()
        for hook in module.hooks
        if hook.event == event
    ]
    return sorted(found, key=lambda one: -one[1].priority)


def record(event: str, payload: Mapping[str, Any]) -> None:
    """Add one task for each listener, in the transaction that raises the event.

    With that they are there, without it they are not.

    Never raises: what happened has happened, whoever cannot be told.

    Args:
        event: its name.
        payload: plain values.
    """
    found = listeners(event)
    if not found:
        return
    deep = depth.get() + 1
    if deep > DEEPEST:
        log.error(
            "listeners answer each other without end; this event is told to nobody",
            event_name=event,
        )
        return
    try:
        body, before = jsonable(payload), None
        with transaction():  # all of them or none, outside one of the caller's too
            for module, hook in found:
                before = add(
                    job=JOB,
                    queue=QUEUE,
                    title=f"{event} → {module.title}",
                    module=module.key,
                    tags=["hook", event],
                    timeout=TIMEOUT,
                    backoff=0,
                    max_exceptions=1,
                    on_loss=OnLoss.LOSE,
                    actor=SYSTEM,
                    after=before,
                    data={
                        "module": {"type": module.type, "name": module.name},
                        "event": event,
                        "payload": body,
                        "listener": hook.label,
                        "like": _like(module, hook).index(hook),
                        "depth": deep,
                        "id": secrets.token_hex(8),
                    },
                )
    except UserError:
        log.exception("the listeners of an event could not be told", event_name=event)


def find(module: LoadedModule, data: Mapping[str, Any]) -> Hook | None:
    """Return the listener that a task was added for.

    None where the module's files no longer declare it.
    """
    place = int(data.get("like") or 0)
    alike = [
        hook
        for hook in module.hooks
        if (hook.event, hook.label) == (data.get("event"), data.get("listener"))
    ]
    return alike[place] if place < len(alike) else None


def _like(module: LoadedModule, hook: Hook) -> list[Hook]:
    """Return the listeners of a module that share a name and an event with one.

    Every lambda is called the same.
    """
    return [one for one in module.hooks if (one.event, one.label) == (hook.event, hook.label)]
