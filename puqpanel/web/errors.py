"""What somebody sees when something cannot be done: a sentence, a reference number where it is
our fault, and a way on.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

import structlog
from flask import Flask, Response, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from puqpanel.domain.errors import (
    ConflictError,
    ExternalServiceError,
    InvalidInput,
    NotFoundError,
    PermissionDenied,
    UserError,
)
from puqpanel.web.answers import under_api, wants_json
from puqpanel.web.security import request_id

log = structlog.get_logger(__name__)

SENTENCES: Mapping[int, tuple[str, str]] = {
    400: (
        "This was not understood",
        "The page that sent it may be old. Go back, load it again and repeat what you did.",
    ),
    401: ("You are signed out", "Sign in again to go on."),
    403: (
        "This is not yours to open",
        "Your role does not allow it. Somebody who manages roles can change that.",
    ),
    404: ("There is nothing here", "The address may be mistyped, or what stood here is gone."),
    405: ("This cannot be done here", "The address is right, but it does not take what was sent."),
    409: ("This cannot be done now", "Something else changed first. Load the page again."),
    413: (
        "This is too large",
        (
            "What was sent is larger than the panel takes at once, which is 16 MB of files, so"
            " nothing was done."
        ),
    ),
    422: ("Something needs another look", "Go back and check what you entered."),
    429: ("Too many tries", "Wait a few minutes before the next one."),
    500: (
        "Something went wrong here",
        "It is written down under the reference below. Trying once more may help.",
    ),
    503: ("Back in a moment", "A part of the panel does not answer. Try again in a minute."),
}
CODES: tuple[tuple[type[UserError], int], ...] = (
    (NotFoundError, 404),
    (PermissionDenied, 403),
    (ConflictError, 409),
    (InvalidInput, 422),
    (ExternalServiceError, 503),
    (UserError, 400),
)

BUSY = ("is locked", "lock wait timeout", "lock timeout", "deadlock")
"""What SQLite, MariaDB and PostgreSQL say where somebody else keeps what is wanted."""
HEARD_BYTES, HEARD_SECONDS = 64 * 1024 * 1024, 5.0


def code_of(error: UserError) -> int:
    """The status that a user's error answers with."""
    return next(code for kind, code in CODES if isinstance(error, kind))


def _answer(
    code: int,
    sentence: str = "",
    *,
    reference: str = "",
    fields: dict[str, list[str]] | None = None,
) -> Response:
    title, standing = SENTENCES.get(code, SENTENCES[500 if code >= 500 else 400])
    if wants_json():
        body: dict[str, Any] = {"status": "error", "message": sentence or standing, "code": code}
        if fields:
            body["errors"] = fields
        if reference:
            body["reference"] = reference
        response = make_response(body)
    else:
        area = (
            "client"
            if request.path.startswith("/client")
            else "admin"
            if request.path.startswith("/admin")
            else ""
        )
        response = make_response(
            render_template(
                "error.html",
                code=code,
                title=title,
                sentence=sentence or standing,
                reference=reference,
                area=area,
                back=under_api(),
            )
        )
    response.status_code = code
    return response


def _hear_out() -> None:
    """Reads what is too large to the end, within reason: browsers show no answer that comes
    while they are still sending.
    """
    stream, until = request.environ["wsgi.input"], time.monotonic() + HEARD_SECONDS
    left = min(request.content_length or 0, HEARD_BYTES)
    with contextlib.suppress(OSError, ValueError):
        while (
            left > 0 and time.monotonic() < until and (part := stream.read(min(left, 256 * 1024)))
        ):
            left -= len(part)


def _http(error: HTTPException) -> Response:
    code = error.code or 500
    if code == 413:
        _hear_out()
    if error.response is not None or code < 400:
        return make_response(error.get_response())
    # a text given to abort() is a sentence of ours; werkzeug's own are not written for these
    # readers
    own = (
        error.description
        if error.description and error.description != type(error).description and code != 500
        else ""
    )
    response = _answer(
        code, "" if code == 429 else own or "", reference=request_id() if code >= 500 else ""
    )
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after", "www-authenticate"):
            response.headers[name] = value
    return response


def _forgery(error: CSRFError) -> Response:
    log.info("form without a valid token", reason=error.description)
    return _answer(
        400,
        "This form had grown old or came from elsewhere, so nothing was done. Go back, load the"
        " page again and repeat it.",
    )


def _known(error: UserError) -> Response:
    return _answer(
        code_of(error), str(error), fields=error.errors if isinstance(error, InvalidInput) else None
    )


def _database(error: OperationalError) -> Response:
    text = str(error.orig).lower()
    if not any(word in text for word in BUSY):
        return _unknown(error)
    log.error(
        "the database was held too long", path=request.path, method=request.method, exc_info=error
    )
    return _answer(
        503,
        "Something else held the database for too long, so nothing was done. Try again in a"
        " moment.",
        reference=request_id(),
    )


def _unknown(error: Exception) -> Response:
    log.error("request failed", path=request.path, method=request.method, exc_info=error)
    return _answer(500, reference=request_id())


def install(app: Flask) -> None:
    """Gives the app its error pages.

    Tests that want the exception itself set PROPAGATE_EXCEPTIONS.
    """
    app.register_error_handler(CSRFError, _forgery)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(UserError, _known)
    app.register_error_handler(OperationalError, _database)
    app.register_error_handler(Exception, _unknown)
