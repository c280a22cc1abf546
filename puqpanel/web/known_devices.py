"""Devices that have signed in to an account before.

A signed cookie of the area names them, so that failed sign-ins from elsewhere do not delay them.
"""

from __future__ import annotations

import hashlib
import secrets

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

from puqpanel.web.sessions import area_of, cookie_name, cookie_options

COOKIES = {"/admin": "panel_staff_device", "/client": "panel_customer_device"}
MAX_ACCOUNTS = 8
MAX_LENGTH = 2000
AGE_SECONDS = 400 * 24 * 60 * 60


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(
        current_app.secret_key or b"",
        salt=f"puqpanel-device{area_of(request.path)}",
        signer_kwargs={"digest_method": hashlib.sha256},
    )


def _devices() -> dict[str, str]:
    """Return the ID of this device by account."""
    name = COOKIES.get(area_of(request.path))
    cookie = request.cookies.get(cookie_name(name), "") if name else ""
    if not cookie or len(cookie) > MAX_LENGTH:
        return {}
    try:
        loaded = _serializer().loads(cookie)
    except BadSignature:
        return {}
    return dict(loaded) if isinstance(loaded, dict) else {}


def known_device(account: str) -> str:
    """Return the ID of this device if it has signed in to an account before; else empty.

    Args:
        account: the key of the account, `limits.tried_account`.
    """
    return _devices().get(account, "")


def remember_device(account: str) -> None:
    """Let the response of this request mark the device as known for an account."""
    area, devices = area_of(request.path), _devices()
    device = devices.pop(account, "") or secrets.token_hex(8)
    kept = [*devices.items(), (account, device)][-MAX_ACCOUNTS:]
    value = _serializer().dumps(dict(kept))

    @after_this_request
    def mark(response: Response) -> Response:
        response.set_cookie(
            cookie_name(COOKIES[area]), str(value), max_age=AGE_SECONDS, **cookie_options(area)
        )
        return response
