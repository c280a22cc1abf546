"""Events inside one process: each is passed to the recorders and logged.

Recorders, such as the one that queues events for modules, run inside the transaction that raises
the event; the log line is written after it commits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from puqpanel.domain.texts import SOURCE, Text
from puqpanel.infra.db import after_commit

Recorder = Callable[[str, Mapping[str, Any]], None]
log = structlog.get_logger(__name__)
_recorders: list[Recorder] = []


def bind(recorders: Sequence[Recorder]) -> None:
    """Set the functions that are called with every event, in this order.

    Args:
        recorders: Called inside the transaction that raises the event; must not raise.
    """
    _recorders[:] = recorders


def raise_event(name: str, payload: Mapping[str, Any]) -> None:
    """Record an event, and log it after the current transaction commits.

    Args:
        name: the event.
        payload: its values; a translatable text becomes English text.
    """
    payload = {
        key: value.translated(SOURCE) if isinstance(value, Text) else value
        for key, value in payload.items()
    }
    for recorder in _recorders:
        recorder(name, payload)
    after_commit(lambda: _log(name, payload))


def _log(name: str, payload: Mapping[str, Any]) -> None:
    own_keys = ("self", "event", "level", "timestamp")
    log.info(name, **{key: value for key, value in payload.items() if key not in own_keys})
