"""Events inside one process: a name, a payload, and the listeners that app.py binds.

Listeners run after the transaction that raised the event commits. A listener's exception is logged
and does not affect the others. The recorder, which queues events for modules, runs inside the
transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from puqpanel.infra.db import after_commit

Listener = Callable[[str, Mapping[str, Any]], None]
log = structlog.get_logger(__name__)
_listeners: dict[str, tuple[Listener, ...]] = {}
_recorders: list[Listener] = []


def bind(listeners: Mapping[str, tuple[Listener, ...]], recorder: Listener | None = None) -> None:
    """Replace all listeners.

    Args:
        listeners: Event name → functions in the order they run; `*` receives all events.
        recorder: Called inside the transaction that raises the event; must not raise.
    """
    _listeners.clear()
    _listeners.update(listeners)
    _recorders[:] = [recorder] if recorder else []


def raise_event(name: str, payload: Mapping[str, Any]) -> None:
    """Notify listeners after the current transaction commits, or immediately outside one."""
    for recorder in _recorders:
        recorder(name, payload)
    after_commit(lambda: _notify(name, payload))


def _notify(name: str, payload: Mapping[str, Any]) -> None:
    for listener in (*_listeners.get(name, ()), *_listeners.get("*", ())):
        try:
            listener(name, payload)
        except Exception:
            log.exception("event listener failed", event_name=name)
