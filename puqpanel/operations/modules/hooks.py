"""Event listeners of modules.

Each call of a listener is a task of its own, added in the transaction that raises the event, so
that it is neither lost nor run twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import structlog

from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import AUTOMATION
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
MAX_DEPTH = 8
"""Maximum nesting of events dispatched by listeners; it ends loops between modules."""
depth: ContextVar[int] = ContextVar("hook_depth", default=0)


def listeners(event: str) -> list[tuple[LoadedModule, Hook]]:
    """Return the listeners of an event in the order in which they run.

    Higher priorities come first, then the order of modules and of their declarations.
    """
    found = [
        (module, hook)
        for module in registry.current().modules.values()
        for hook in module.hooks
        if hook.event == event
    ]
    return sorted(found, key=lambda pair: -pair[1].priority)


def record(event: str, payload: Mapping[str, Any]) -> None:
    """Add one task for each listener, in the transaction that raises the event.

    Never raises: listeners must not undo what caused the event.

    Args:
        event: name of the event.
        payload: plain values.
    """
    found = listeners(event)
    if not found:
        return
    level = depth.get() + 1
    if level > MAX_DEPTH:
        log.error(
            "event dropped: listeners dispatch events in a loop",
            event_name=event,
        )
        return
    try:
        body, before = jsonable(payload), None
        with transaction():  # all or none, even without a transaction of the caller
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
                    actor=AUTOMATION,
                    after=before,
                    data={
                        "module": {"type": module.type, "name": module.name},
                        "event": event,
                        "payload": body,
                        "listener": hook.label,
                        "like": _alike(module, event, hook.label).index(hook),
                        "depth": level,
                        "id": secrets.token_hex(8),
                    },
                )
    except UserError:
        log.exception("listeners of an event could not be queued", event_name=event)


def find(module: LoadedModule, data: Mapping[str, Any]) -> Hook | None:
    """Return the listener of a task; None if the module no longer declares it."""
    index = int(data.get("like") or 0)
    alike = _alike(module, data.get("event"), data.get("listener"))
    return alike[index] if index < len(alike) else None


def _alike(module: LoadedModule, event: str | None, name: str | None) -> list[Hook]:
    """Return the listeners of a module to an event with the same name, as lambdas have."""
    return [hook for hook in module.hooks if (hook.event, hook.label) == (event, name)]
