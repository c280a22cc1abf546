"""The panel's own event listeners, bound by app.py; those of modules are in the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from puqpanel.infra.events import Listener

log = structlog.get_logger(__name__)


def write_line(name: str, payload: Mapping[str, Any]) -> None:
    """Write a log line for an event."""
    log.info(
        name,
        **{
            key: value
            for key, value in payload.items()
            if key not in ("event", "level", "timestamp")
        },
    )


LISTENERS: dict[str, tuple[Listener, ...]] = {"*": (write_line,)}
