"""What every answer carries: the content security policy with its nonce, the other headers, and
the request's id.
"""

from __future__ import annotations

import secrets

import structlog
from flask import Flask, Response, g, request

CSP = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; font-src 'self';"
    " img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
PRIVATE = ("/admin", "/client")


def nonce() -> str:
    """The nonce of this answer, for `<script nonce="{{ nonce() }}">`."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    value: str = g.nonce
    return value


def request_id() -> str:
    """The id of this request: in its answer's header, its log lines and, when it fails, on its
    page.
    """
    if "request_id" not in g:
        g.request_id = f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper()
    value: str = g.request_id
    return value


def _begin() -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id())


def _finish(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", CSP.format(nonce=nonce()))
    response.headers["X-Request-ID"] = request_id()
    if (onward := response.location) and onward.startswith(request.host_url):
        # the router's own redirects name the host that the request claimed, which a cache would
        # keep for others
        response.location = "/" + onward.removeprefix(request.host_url)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.path.startswith(PRIVATE) and "Cache-Control" not in response.headers:
        # what one person saw must not be found by the next behind the browser's Back
        response.headers["Cache-Control"] = "no-store"
    return response


def protect(app: Flask) -> None:
    """Puts the headers on every answer of the app."""
    app.before_request(_begin)
    app.after_request(_finish)
