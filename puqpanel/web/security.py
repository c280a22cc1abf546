"""Response headers: content security policy with its nonce, other security headers, request ID."""

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
    """Return the nonce of this response, for the attribute of inline scripts."""
    return str(g.setdefault("nonce", secrets.token_urlsafe(16)))


def allow_framing() -> None:
    """Let pages of other sites frame this response."""
    g.framing_allowed = True


def request_id() -> str:
    """Return the ID of this request, as in its response header, log lines and error page."""
    new_id = f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper()
    return str(g.setdefault("request_id", new_id))


def _begin() -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id())


def _finish(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", CSP.format(nonce=nonce()))
    if g.get("framing_allowed"):
        del response.headers["X-Frame-Options"]
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        csp = response.headers["Content-Security-Policy"]
        response.headers["Content-Security-Policy"] = csp.replace(
            "frame-ancestors 'none'", "frame-ancestors *"
        )
    response.headers["X-Request-ID"] = request_id()
    if (location := response.location) and location.startswith(request.host_url):
        # the router redirects to the host in the request, which must not end up in a shared cache
        response.location = "/" + location.removeprefix(request.host_url)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.path.startswith(PRIVATE) and "Cache-Control" not in response.headers:
        # private pages must not be shown from the browser's cache after sign-out
        response.headers["Cache-Control"] = "no-store"
    return response


def protect(app: Flask) -> None:
    """Add the headers to every response."""
    app.before_request(_begin)
    app.after_request(_finish)
