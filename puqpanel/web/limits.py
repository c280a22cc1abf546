"""Rate limits, counted in the queue server or, while that is unreachable, in process memory."""

from __future__ import annotations

import hashlib

from flask import Flask, Response, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from puqpanel.infra import queue
from puqpanel.operations.system import settings

limiter = Limiter(
    key_func=get_remote_address,
    strategy="fixed-window",
    in_memory_fallback_enabled=True,
    swallow_errors=True,
    headers_enabled=False,
)


def storage_uri(url: str) -> str:
    """Return the queue server's URL in the limiter's spelling; memory if there is none."""
    if not url:
        return "memory://"
    if url.startswith("unix://"):
        return "redis+" + url
    return url.replace("valkey", "redis", 1) if url.startswith("valkey") else url


def tried_account() -> str:
    """Return a limit key for the account in a sign-in attempt, regardless of IP address.

    It is a hash, so that the limiter's storage contains no e-mail addresses.
    """
    email = request.form.get("email", "").strip().lower()
    return hashlib.sha256(f"{request.path}|{email}".encode()).hexdigest()[:32]


def per_address() -> str:
    """Return the limit of failed sign-ins from one IP address."""
    return f"{settings.number('limits.sign_in_address')} per 15 minutes"


def per_account() -> str:
    """Return the limit of failed sign-ins to one account."""
    return f"{settings.number('limits.sign_in_account')} per hour"


def failed(response: Response) -> bool:
    """Return whether a response counts against the limit: only failed attempts do."""
    return response.status_code == 422


def install(app: Flask) -> None:
    """Bind the limiter to the app and the queue server."""
    uri = storage_uri(queue.server_url())
    timeouts = {"socket_connect_timeout": 1, "socket_timeout": 1}
    app.config.update(
        RATELIMIT_STORAGE_URI=uri,
        RATELIMIT_STORAGE_OPTIONS={} if uri.startswith("memory") else timeouts,
        RATELIMIT_KEY_PREFIX="puqpanel",
    )
    limiter.init_app(app)
