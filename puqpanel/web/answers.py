"""Shapes of answers: whether the asker wants JSON, and where a `next` may lead."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request


def wants_json() -> bool:
    """Whether the asker wants JSON: an API's address, or an Accept that puts JSON before HTML.

    Under a tab's `/api/` there are plain forms too: a browser that names HTML gets a page, and
    scripts JSON.
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
    """The page that a call of a service's tab belongs to, `/client/services/…/files`; empty
    where this is no such call.
    """
    page, api, _ = request.path.partition("/api/")
    return page if api and page.startswith("/client/") else ""


def same_site(target: str, area: str) -> str:
    """A `next` that stays in its area, else the area's first page.

    Args:
        target: what the address or form said.
        area: `/admin` or `/client`.
    """
    # a backslash or a control character is read as a slash or dropped by browsers, and then leads
    # elsewhere
    if any(ord(char) < 33 or char == "\\" for char in target):
        return area
    parts = urlsplit(target)
    if (
        parts.scheme
        or parts.netloc
        or not (parts.path == area or parts.path.startswith(area + "/"))
    ):
        return area
    return target
