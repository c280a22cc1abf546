"""Events inside one process: a name, a payload, and the listeners that app.py bound.

Listeners run after the transaction that raised the event is committed; one that raises is logged
and the rest still run. What keeps an event for others, in other processes, does so in that
transaction: the recorder.
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
    """Replaces the table of listeners.

    Args:
        listeners: event name → functions in the order they run; `*` hears everything.
        recorder: called at once, inside the transaction that raises the event; it must not raise.
    """
    _listeners.clear()
    _listeners.update(listeners)
    _recorders[:] = [recorder] if recorder else []


def raise_event(name: str, payload: Mapping[str, Any]) -> None:
    """Tells the listeners once the current transaction is committed, or at once outside one."""
    for recorder in _recorders:
        recorder(name, payload)
    after_commit(lambda: _tell(name, payload))


def _tell(name: str, payload: Mapping[str, Any]) -> None:
    for listener in (*_listeners.get(name, ()), *_listeners.get("*", ())):
        try:
            listener(name, payload)
        except Exception:
            log.exception("listener failed", event_name=name)
