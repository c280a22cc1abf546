"""A cache in the queue server, with encrypted values.

An unavailable server counts as a miss.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence

from puqpanel.infra import crypto, queue
from puqpanel.infra.crypto import KeyFileError
from puqpanel.infra.queue import QueueError

MAX_VALUE_LENGTH = 1024 * 1024
"""Characters of a value; the server's memory is needed for tasks."""
MAX_AGE_SECONDS = 30 * 24 * 3600
_PREFIX = "puqpanel:cache:"
_UNAVAILABLE = (QueueError, OSError, ValueError)
"""ValueError: no server is configured, as in the tests of a module."""


def get(groups: Sequence[str], key: str) -> str | None:
    """Return a value, or None if there is none.

    Args:
        groups: The groups it was stored with; invalidating any of them invalidates the value.
        key: Its name within these groups.
    """
    with contextlib.suppress(*_UNAVAILABLE, KeyFileError):
        token = queue.connection().get(_full_key(groups, key))
        return crypto.decrypt(token.decode()) if isinstance(token, bytes) else None
    return None


def put(groups: Sequence[str], key: str, text: str, seconds: int) -> bool:
    """Store a value; return False if it is too large or the server is unavailable."""
    if len(text) > MAX_VALUE_LENGTH:
        return False
    with contextlib.suppress(*_UNAVAILABLE):
        full_key = _full_key(groups, key)
        if seconds <= 0:
            queue.connection().delete(full_key)
        else:
            age = min(seconds, MAX_AGE_SECONDS)
            queue.connection().set(full_key, crypto.encrypt(text), ex=age)
        return True
    return False


def forget(groups: Sequence[str], key: str) -> bool:
    """Delete a value; return whether there was one."""
    with contextlib.suppress(*_UNAVAILABLE):
        return bool(queue.connection().delete(_full_key(groups, key)))
    return False


def forget_groups(*groups: str) -> bool:
    """Invalidate all values of the groups; return False if the server is unavailable."""
    with contextlib.suppress(*_UNAVAILABLE):
        # Values under the old version numbers become unreachable and expire.
        queue.connection().delete(*(f"{_PREFIX}group:{group}" for group in groups))
        return True
    return False


def _full_key(groups: Sequence[str], key: str) -> str:
    server = queue.connection()
    versions = []
    for group in groups:
        name = f"{_PREFIX}group:{group}"
        server.set(name, secrets.token_hex(8), nx=True, ex=2 * MAX_AGE_SECONDS)
        version = server.get(name)
        versions.append(version.decode() if isinstance(version, bytes) else "")
    return f"{_PREFIX}{'.'.join(versions)}:{key}"
