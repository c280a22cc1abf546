"""Events inside one process: each is recorded for modules and logged.

The recorder, which queues events for modules, runs inside the transaction that raises the event;
the log line is written after it commits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from puqpanel.infra.db import after_commit

Recorder = Callable[[str, Mapping[str, Any]], None]
log = structlog.get_logger(__name__)
_recorder: Recorder | None = None


def bind(recorder: Recorder | None) -> None:
    """Set the function that is called with every event.

    Args:
        recorder: Called inside the transaction that raises the event; must not raise.
    """
    global _recorder
    _recorder = recorder


def raise_event(name: str, payload: Mapping[str, Any]) -> None:
    """Record an event, and log it after the current transaction commits."""
    if _recorder is not None:
        _recorder(name, payload)
    after_commit(lambda: _log(name, payload))


def _log(name: str, payload: Mapping[str, Any]) -> None:
    own_keys = ("self", "event", "level", "timestamp")
    log.info(name, **{key: value for key, value in payload.items() if key not in own_keys})
