"""Error pages and JSON errors: a message, a way back, and a reference for server errors."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

import structlog
from flask import Flask, Response, make_response, render_template, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from puqpanel.domain.errors import (
    ConflictError,
    ExternalServiceError,
    InvalidInput,
    NotFoundError,
    PermissionDenied,
    UserError,
)
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import end_session
from puqpanel.infra.outages import Outage, outage
from puqpanel.web import drafts, signin, tracebacks
from puqpanel.web.answers import under_api, wants_json
from puqpanel.web.security import request_id
from puqpanel.web.sessions import area_of

log = structlog.get_logger(__name__)

MESSAGES: Mapping[int, tuple[Text, Text]] = {
    400: (
        _("Invalid request"),
        _("The previous page may be out of date. Go back, reload it and try again."),
    ),
    401: (_("You're signed out"), _("Sign in to continue.")),
    403: (
        _("You don't have access to this page"),
        _("You don't have the required permission. Ask the person who manages your account."),
    ),
    404: (_("Page not found"), _("The address may be mistyped, or the page no longer exists.")),
    405: (_("Method not allowed"), _("This address doesn't support that kind of request.")),
    409: (_("Conflict"), _("Something changed in the meantime. Reload the page and try again.")),
    413: (_("Request too large"), _("The request exceeds the limit of 16 MB. Nothing was saved.")),
    422: (_("Invalid input"), _("Go back and check your input.")),
    429: (_("Too many attempts"), _("Wait a few minutes and try again.")),
    500: (
        _("Something went wrong"),
        _("The error was logged under the reference below. Try again in a moment."),
    ),
    503: (
        _("Temporarily unavailable"),
        _("Part of the panel isn't responding. Try again in a minute."),
    ),
}
"""Title and default message by status code."""
CODES: tuple[tuple[type[UserError], int], ...] = (
    (NotFoundError, 404),
    (PermissionDenied, 403),
    (ConflictError, 409),
    (InvalidInput, 422),
    (ExternalServiceError, 503),
    (UserError, 400),
)

OUTAGES: Mapping[Outage, tuple[Text, int]] = {
    Outage.AWAY: (
        _("The database isn't responding. Nothing was saved. Try again in a moment."),
        10,
    ),
    Outage.BUSY: (_("The database is busy. Nothing was saved. Try again in a moment."), 5),
    Outage.READ_ONLY: (_("Changes can't be saved at the moment. Try again later."), 60),
    Outage.FULL: (_("Changes can't be saved at the moment. Try again later."), 60),
}
"""Message and seconds until the next attempt, by the outage of the database."""
LAYOUTS = {"admin": "staff.html", "client": "client.html"}
DRAIN_BYTES, DRAIN_SECONDS = 64 * 1024 * 1024, 5.0


def _error_response(
    code: int,
    message: Text | str = "",
    *,
    reference: str = "",
    fields: dict[str, list[str]] | None = None,
) -> Response:
    title, default = MESSAGES.get(code, MESSAGES[500 if code >= 500 else 400])
    message = message or default
    if wants_json():
        body: dict[str, Any] = {"status": "error", "message": message, "code": code}
        if fields:
            body["errors"] = fields
        if reference:
            body["reference"] = reference
        if trace := tracebacks.kept():
            body["traceback"] = trace.splitlines()
        response = make_response(body)
    else:
        response = make_response(_page(code, title, message, reference))
    response.status_code = code
    return response


def _page(code: int, title: Text, message: Text | str, reference: str) -> str:
    """Render an error page, with the navigation if the database and the session allow it."""
    area = area_of(request.path).removeprefix("/")
    values = {
        "code": code,
        "title": title,
        "sentence": message,
        "reference": reference,
        "area": area,
        "back": under_api(),
    }
    layout = LAYOUTS.get(area)
    if layout and code < 500:
        try:
            if current_user.is_authenticated:
                return render_template("error_inside.html", layout=layout, **values)
        except Exception:
            log.exception("error page could not be rendered with the navigation")
    return render_template("error.html", **values)


def _drain_body() -> None:
    """Read an oversized body, within limits: browsers show no response while still sending."""
    stream, deadline = request.environ["wsgi.input"], time.monotonic() + DRAIN_SECONDS
    # a chunked body has no length; the server ends its stream
    length = None if request.environ.get("wsgi.input_terminated") else 0
    length = request.content_length or length
    remaining = DRAIN_BYTES if length is None else min(length, DRAIN_BYTES)
    with contextlib.suppress(OSError, ValueError):
        while remaining > 0 and time.monotonic() < deadline:
            chunk = stream.read(min(remaining, 256 * 1024))
            if not chunk:
                break
            remaining -= len(chunk)


def _handle_http_error(error: HTTPException) -> Response:
    code = error.code or 500
    if code == 413:
        _drain_body()
    if error.response is not None or code < 400:
        return make_response(error.get_response())
    if code == 401 and area_of(request.path) and not _in_background():
        try:
            return signin.ask(area_of(request.path), drafts.submitted())
        except HTTPException as invalid:  # the body cannot be read
            return _handle_http_error(invalid)
    message = ""
    # descriptions passed to abort() are written for users, werkzeug's defaults are not
    if code not in (429, 500) and error.description != type(error).description:
        message = error.description or ""
    response = _error_response(code, message, reference=request_id() if code >= 500 else "")
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after", "www-authenticate"):
            response.headers[name] = value
    return response


def _in_background() -> bool:
    """Whether a script sent the request, which cannot show a sign-in page."""
    return wants_json() or "HX-Request" in request.headers


def _handle_csrf_error(error: CSRFError) -> Response:
    log.info("form without a valid CSRF token", reason=error.description)
    if not _in_background():
        try:
            response = signin.after_csrf_error()
        except HTTPException as invalid:  # the body cannot be read
            return _handle_http_error(invalid)
        if response:
            return response
    return _error_response(
        400, _("This form has expired. Nothing was saved. Go back, reload the page and try again.")
    )


def _handle_user_error(error: UserError) -> Response:
    fields = error.errors if isinstance(error, InvalidInput) else None
    code = next(code for kind, code in CODES if isinstance(error, kind))
    return _error_response(code, str(error), fields=fields)


def _handle_outage(error: Exception, reason: Outage) -> Response:
    log.error(
        "request failed, database unavailable",
        path=request.path,
        method=request.method,
        exc_info=error,
    )
    end_session()
    message, retry_after = OUTAGES[reason]
    response = _error_response(503, message, reference=request_id())
    response.headers["Retry-After"] = str(retry_after)
    return response


def _handle_unexpected_error(error: Exception) -> Response:
    if reason := outage(error):
        return _handle_outage(error, reason)
    log.error("request failed", path=request.path, method=request.method, exc_info=error)
    tracebacks.keep(error)
    return _error_response(500, reference=request_id())


def install(app: Flask) -> None:
    """Register the error handlers.

    Tests that want the exception itself set PROPAGATE_EXCEPTIONS.
    """
    app.register_error_handler(CSRFError, _handle_csrf_error)
    app.register_error_handler(HTTPException, _handle_http_error)
    app.register_error_handler(UserError, _handle_user_error)
    app.register_error_handler(Exception, _handle_unexpected_error)
