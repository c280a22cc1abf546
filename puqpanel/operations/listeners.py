"""Which operation hears which event, as data; app.py binds it.

Modules' own hooks live in the registry of their generation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from puqpanel.infra.events import Listener

log = structlog.get_logger(__name__)


def write_line(name: str, payload: Mapping[str, Any]) -> None:
    """Write one log line for each event, for log collectors."""
    log.info(
        name,
        **{
            key: value
            for key, value in payload.items()
            if key not in ("event", "level", "timestamp")
        },
    )


LISTENERS: dict[str, tuple[Listener, ...]] = {"*": (write_line,)}
