"""Content negotiation, flashed errors, and validation of redirect targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import flask
from flask import request

from puqpanel.domain.errors import ConflictError, InProgressError, InvalidInput, UserError
from puqpanel.domain.texts import Text


def flash(text: Text | str, tone: str) -> None:
    """Show a text on the next page, in the language of this request.

    Args:
        text: the text.
        tone: good, warn, bad or busy.
    """
    flask.flash(str(text), tone)


def wants_json() -> bool:
    """Return whether to answer with JSON: at API URLs, or if Accept prefers JSON to HTML.

    Plain forms also post to a service tab's `/api/` URLs, so a request there that accepts HTML
    gets a page.
    """
    if request.path.startswith(("/admin/api/", "/webhooks/")):
        return True
    if under_api() and (
        "HX-Request" in request.headers
        or not any(kind.lower() == "text/html" for kind, _ in request.accept_mimetypes)
    ):
        return True
    best = request.accept_mimetypes.best_match(
        ["text/html", "application/json"], default="text/html"
    )
    return best == "application/json" or request.headers.get("X-Requested-With") == "XMLHttpRequest"


def under_api() -> str:
    """Return the page an API call of a service tab belongs to, `/client/services/…/files`.

    Empty if the request is not such a call.
    """
    page, api, _ = request.path.partition("/api/")
    return page if api and page.startswith("/client/") else ""


def is_document(html: str) -> bool:
    """Return whether HTML is a whole document, not a fragment of a page."""
    return html.lstrip()[:9].lower().startswith(("<!doctype", "<html"))


@contextmanager
def flashed_errors(kind: type[UserError] = UserError) -> Iterator[None]:
    """Flash an operation's error and do not raise it.

    Args:
        kind: the class of the errors to flash; others are raised.
    """
    try:
        yield
    except kind as error:
        flash(_reason(error), "busy" if isinstance(error, InProgressError) else "bad")


def refused(check: Callable[[], object]) -> bool:
    """Flash why the page of an action is not shown; its form is refused by the operation.

    Args:
        check: raises ConflictError if the action can't happen.

    Returns:
        Whether it can't happen; False for a form that was sent.
    """
    if request.method == "POST":
        return False
    try:
        check()
    except ConflictError as error:
        flash(error.text, "warn")
        return True
    return False


def _reason(error: UserError) -> Text | str:
    """Return what is wrong: the messages of the fields, as there is no form to show them in."""
    if not isinstance(error, InvalidInput):
        return error.text
    return " ".join(text for texts in error.errors.values() for text in texts) or error.text


_BELONGING = {"/client": ("/shop",)}
"""Area → further paths that its users go to after they signed in."""


def same_site(target: str, area: str) -> str:
    """Return a redirect target if it stays within its area, else the area's first page.

    Args:
        target: the untrusted path, as from `next`.
        area: `/admin` or `/client`.
    """
    # browsers read a backslash as a slash and drop control characters, which can lead off-site
    if any(ord(char) < 33 or char == "\\" for char in target):
        return area
    try:
        parts = urlsplit(target)
    except ValueError:
        return area
    if (
        parts.scheme
        or parts.netloc
        # which the browser resolves, also if they are percent-encoded
        or not {".", ".."}.isdisjoint(unquote(parts.path).split("/"))
        or not any(
            parts.path == root or parts.path.startswith(root + "/")
            for root in (area, *_BELONGING.get(area, ()))
        )
    ):
        return area
    return target
