"""Values that may be lost at any moment: kept in the queue server for some seconds, encrypted.

A server that is away is a miss.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence

from puqpanel.infra import crypto, queue
from puqpanel.infra.crypto import KeyFileError
from puqpanel.infra.queue import QueueError

LARGEST = 1024 * 1024
"""Characters of one value: the server's memory is the tasks' before it is the cache's."""
LONGEST = 30 * 24 * 3600
_PREFIX = "puqpanel:cache:"
_AWAY = (QueueError, OSError, ValueError)
"""ValueError: no server was named at all, as in the tests of a module."""


def get(groups: Sequence[str], key: str) -> str | None:
    """A value, or None where there is none.

    Args:
        groups: what it was kept under; forgetting one of them forgets the value.
        key: its name within these groups.
    """
    with contextlib.suppress(*_AWAY, KeyFileError):
        found = queue.connection().get(_place(groups, key))
        return crypto.decrypt(found.decode()) if isinstance(found, bytes) else None
    return None


def put(groups: Sequence[str], key: str, text: str, seconds: int) -> bool:
    """Keeps a value. Returns False where it is too large or the server is away."""
    if len(text) > LARGEST:
        return False
    with contextlib.suppress(*_AWAY):
        place = _place(groups, key)
        if seconds <= 0:
            queue.connection().delete(place)
        else:
            queue.connection().set(place, crypto.encrypt(text), ex=min(seconds, LONGEST))
        return True
    return False


def forget(groups: Sequence[str], key: str) -> bool:
    """Drops one value; whether there was one."""
    with contextlib.suppress(*_AWAY):
        return bool(queue.connection().delete(_place(groups, key)))
    return False


def forget_groups(*groups: str) -> bool:
    """Drops every value of these groups. Returns False where the server is away."""
    with contextlib.suppress(*_AWAY):
        # what stood under the old marks is out of reach at once, and its time runs out
        queue.connection().delete(*(f"{_PREFIX}group:{group}" for group in groups))
        return True
    return False


def _place(groups: Sequence[str], key: str) -> str:
    server = queue.connection()
    marks = []
    for group in groups:
        name = f"{_PREFIX}group:{group}"
        server.set(name, secrets.token_hex(8), nx=True, ex=2 * LONGEST)
        mark = server.get(name)
        marks.append(mark.decode() if isinstance(mark, bytes) else "")
    return f"{_PREFIX}{'.'.join(marks)}:{key}"
