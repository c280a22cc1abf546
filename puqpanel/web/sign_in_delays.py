"""Delays between failed sign-ins to an account, instead of a lock-out.

After some failures, each further one doubles the time until the next attempt. Attempts are counted
for the account and the network, up to 15 minutes, and for the account from all networks, up to one
minute. A device that has signed in to the account before has its own counter: nobody else can delay
it. An attempt is counted before the password is checked, so that parallel attempts are too.
"""

from __future__ import annotations

import math
import time

import structlog
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage

from puqpanel.operations.system import settings
from puqpanel.web.known_devices import known_device
from puqpanel.web.limits import limiter, network, tried_account

log = structlog.get_logger(__name__)
DAY = 24 * 60 * 60
FREE = 10
"""Failures from one network or device before the first delay."""
LONGEST, LONGEST_OVERALL = 15 * 60, 60
RETRY_STORAGE_SECONDS = 30
_memory = MemoryStorage()
_away_until = 0.0


def _scopes() -> list[tuple[str, int, int]]:
    """Return the counters of this attempt: key, failures without delay and longest delay."""
    account = tried_account()
    overall = settings.number("limits.sign_in_account")
    free = min(FREE, overall)
    if device := known_device(account):
        return [(f"delay/{account}/device/{device}", free, LONGEST)]
    return [
        (f"delay/{account}/{network()}", free, LONGEST),
        (f"delay/{account}", overall, LONGEST_OVERALL),
    ]


def wait_seconds() -> int:
    """Count an attempt and return how long it must wait; 0 if the password may be checked."""
    global _away_until
    if time.monotonic() >= _away_until and isinstance(limiter.storage, Storage):
        try:
            return _admit(limiter.storage)
        except StorageError as error:
            _away_until = time.monotonic() + RETRY_STORAGE_SECONDS
            log.warning("sign-ins are counted in memory", exc_info=error)
    return _admit(_memory)


def _admit(storage: Storage) -> int:
    scopes = _scopes()
    for key, _free, _longest in scopes:
        if storage.get(f"{key}/wait"):
            return _rest(storage, f"{key}/wait")
    for key, free, longest in scopes:
        count = storage.incr(key, DAY)
        if count < free:
            continue
        delay = min(longest, 2 ** min(count - free, 20))
        if storage.incr(f"{key}/wait", delay) > 1:  # another attempt came first
            return _rest(storage, f"{key}/wait")
    return 0


def _rest(storage: Storage, key: str) -> int:
    return max(1, math.ceil(storage.get_expiry(key) - time.time()))


def forget() -> None:
    """Clear the counter of the network or device after a successful sign-in."""
    key = _scopes()[0][0]
    try:
        # memory first: the queue server may be the one that is away
        for storage in (_memory, limiter.storage):
            storage.clear(key)
            storage.clear(f"{key}/wait")
    except StorageError as error:
        log.warning("the counter of failed sign-ins was not cleared", exc_info=error)
