"""How often something may be tried.

Counted in the queue server, and in this process's memory while that is away.
"""

from __future__ import annotations

import hashlib

from flask import Flask, Response, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from puqpanel.infra import queue

limiter = Limiter(
    key_func=get_remote_address,
    strategy="fixed-window",
    in_memory_fallback_enabled=True,
    swallow_errors=True,
    headers_enabled=False,
)


def storage_uri(url: str) -> str:
    """The queue server's address as the limiter's storage spells it; memory where there is none."""
    if not url:
        return "memory://"
    if url.startswith("unix://"):
        return "redis+" + url
    return url.replace("valkey", "redis", 1) if url.startswith("valkey") else url


def tried_account() -> str:
    """A key for the account somebody tries to sign in to, whatever address they come from; the
    e-mail itself is not kept.
    """
    email = request.form.get("email", "").strip().lower()
    return hashlib.sha256(f"{request.path}|{email}".encode()).hexdigest()[:32]


def failed(response: Response) -> bool:
    """Only what was refused counts: somebody who signs in well ten times has done nothing wrong."""
    return response.status_code == 422


def install(app: Flask) -> None:
    """Binds the limiter to the app and the queue server."""
    app.config.setdefault("RATELIMIT_STORAGE_URI", storage_uri(queue.server_url()))
    app.config.setdefault(
        "RATELIMIT_STORAGE_OPTIONS", {"socket_connect_timeout": 1, "socket_timeout": 1}
    )
    if app.config["RATELIMIT_STORAGE_URI"].startswith("memory"):
        app.config["RATELIMIT_STORAGE_OPTIONS"] = {}
    app.config.setdefault("RATELIMIT_KEY_PREFIX", "puqpanel")
    limiter.init_app(app)
