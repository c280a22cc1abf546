"""Log lines of refused requests (403 and 429), counted so that a flood of them is one line."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import structlog
from flask import Flask, Response, request

from puqpanel.web.guard import find_principal

log = structlog.get_logger(__name__)
CODES = frozenset({403, 429})
WINDOW_SECONDS = 60
MAX_KEYS = 1000
"""Kinds of refusals that are counted apart; with more, the counters start again."""


@dataclass(slots=True)
class _Counter:
    since: float
    repeated: int = 0


_counters: dict[tuple[int, str, str], _Counter] = {}
_lock = threading.Lock()


def count(code: int, endpoint: str, who: str, moment: float) -> int | None:
    """Count a refusal.

    Args:
        code: the HTTP status.
        endpoint: the refused endpoint.
        who: the person or the address.
        moment: seconds of a monotonic clock.

    Returns:
        How many equal refusals were not logged since the last line, or None if this one is not to
        be logged either.
    """
    key = (code, endpoint, who)
    with _lock:
        counter = _counters.get(key)
        if counter is not None and moment - counter.since < WINDOW_SECONDS:
            counter.repeated += 1
            return None
        if counter is None and len(_counters) >= MAX_KEYS:
            _counters.clear()
        _counters[key] = _Counter(moment)
        return counter.repeated if counter is not None else 0


def _record(response: Response) -> Response:
    if response.status_code in CODES:
        principal = find_principal() if response.status_code == 403 else None
        who = f"{principal.kind} {principal.id}" if principal else request.remote_addr or ""
        endpoint = request.endpoint or ""
        repeated = count(response.status_code, endpoint, who, time.monotonic())
        if repeated is not None:
            log.warning(
                "request refused",
                status=response.status_code,
                endpoint=endpoint,
                method=request.method,
                who=who,
                ip=request.remote_addr or "",
                repeated=repeated,
            )
    return response


def install(app: Flask) -> None:
    """Log refused requests."""
    app.after_request(_record)
