"""Rate limits, counted in the queue server or, while that is unreachable, in process memory."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from flask import Flask, Response, request
from flask_limiter import Limiter
from limits import parse
from limits.errors import StorageError
from limits.storage import RedisStorage

from puqpanel.domain.emails import email_key
from puqpanel.infra import queue
from puqpanel.infra.addresses import network_of
from puqpanel.infra.redact import storable
from puqpanel.operations.system import settings
from puqpanel.web.known_devices import known_device
from puqpanel.web.sessions import area_of


def network() -> str:
    """Return the network of the request, by which it is counted."""
    return network_of(request.remote_addr or "")


class QueueServerStorage(RedisStorage):
    """Redis storage that does not import Valkey's client, which takes long and is not used."""

    STORAGE_SCHEME = ["puqpanel"]  # noqa: RUF012 - the base class declares a list
    DEPENDENCIES = {"redis": RedisStorage.DEPENDENCIES["redis"]}  # noqa: RUF012


STORED, STORED_OF_NETWORK = 500, 10
"""Refused requests of a kind that are stored in an hour, from all networks and from one."""
CODES = parse("60 per hour")
"""How many codes of coupons one network can try."""
limiter = Limiter(
    key_func=network,
    strategy="fixed-window",
    in_memory_fallback_enabled=True,
    swallow_errors=True,
    headers_enabled=False,
)


def tried_account() -> str:
    """Return the key of the account in a sign-in attempt, one for all spellings.

    It is a hash, so that the queue server and cookies contain no e-mail addresses.
    """
    email = email_key(request.form.get("email", ""))
    return hashlib.sha256(f"{area_of(request.path)}|{storable(email)}".encode()).hexdigest()[:32]


def on_known_device() -> bool:
    """Return whether the device has signed in to the account before."""
    return bool(known_device(tried_account()))


def per_address() -> str:
    """Return the limit of failed sign-ins from one network."""
    return f"{settings.number('limits.sign_in_address')} per 15 minutes"


def failed(response: Response) -> bool:
    """Return whether a response counts against the limit: only failed attempts do."""
    return response.status_code == 422


def may_try_code() -> bool:
    """Return whether this network may try another code of a coupon."""
    try:
        return limiter.limiter.test(CODES, "coupon", network())
    except StorageError:
        return True


def count_code() -> None:
    """Count a code of a coupon that was entered, or that is not valid."""
    with suppress(StorageError):
        limiter.limiter.hit(CODES, "coupon", network())


def worth_logging(kind: str) -> int:
    """Count a refused request and return its number within the hour if it should be stored; else 0.

    Anyone can send such requests. The first few of a network are stored, and then those whose
    number is a power of two; the same for those of all networks together.

    Args:
        kind: what was refused, such as the name of the module.
    """
    try:
        for key, first in (
            (f"refused/{kind}", STORED),
            (f"refused/{kind}/{network()}", STORED_OF_NETWORK),
        ):
            count = limiter.storage.incr(key, 3600)
            if count > first and count & (count - 1):
                return 0
    except StorageError:
        return 1
    return count


def install(app: Flask) -> None:
    """Bind the limiter to the app and the queue server."""
    stored = bool(queue.server_url())
    app.config.update(
        # The pool knows the server's address, and does not wait for one that hangs.
        RATELIMIT_STORAGE_URI="puqpanel://" if stored else "memory://",
        RATELIMIT_STORAGE_OPTIONS=(
            {"connection_pool": queue.connection().connection_pool, "wrap_exceptions": True}
            if stored
            else {}
        ),
        RATELIMIT_KEY_PREFIX="puqpanel",
    )
    limiter.init_app(app)
