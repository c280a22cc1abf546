"""Bulkheads: a limit on the requests of a process that run one module at the same time.

A module that waits for its provider thereby leaves threads for all other pages. Above the limit, a
few requests wait for a moment, so that a burst of quick requests is not refused.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from contextvars import ContextVar

WAIT_SECONDS = 0.5
_most = 0
_changed = threading.Condition()
_running: Counter[str] = Counter()
_waiting = 0
_inside: ContextVar[frozenset[str]] = ContextVar("bulkheads", default=frozenset())


class Full(Exception):
    """The limit for the module is reached."""


def limit(most: int) -> None:
    """Set the limit of this process.

    Args:
        most: requests per module; 0 for no limit.
    """
    global _most
    _most = most


@contextlib.contextmanager
def entered(key: str) -> Iterator[None]:
    """Count what runs inside as one call of a module; calls inside that call are not counted.

    Args:
        key: of the module, `Product/MyCloudService`.

    Raises:
        Full: as many calls as the limit allows are running.
    """
    inside = _inside.get()
    if key in inside:
        yield
        return
    with _changed:
        if _most and _running[key] >= _most:
            _wait(key)
        _running[key] += 1
    token = _inside.set(inside | {key})
    try:
        yield
    finally:
        _inside.reset(token)
        with _changed:
            _running[key] -= 1
            if _waiting:
                _changed.notify_all()


def _wait(key: str) -> None:
    """Wait until a call of a module ends.

    Raises:
        Full: none did in time, or too many are waiting already.
    """
    global _waiting
    if _waiting >= _most // 2:
        raise Full
    _waiting += 1
    try:
        if not _changed.wait_for(lambda: _running[key] < _most, WAIT_SECONDS):
            raise Full
    finally:
        _waiting -= 1
