"""The traceback of a failed request, shown to the developer of a module under `--dev`."""

from __future__ import annotations

import ipaddress
import traceback

from flask import Flask, current_app, g, request

from puqpanel.host import calls
from puqpanel.infra.redact import redact_text

MAX_CHARACTERS = 20_000


def keep(error: BaseException) -> None:
    """Keep the traceback of an error for the response."""
    if _shown():
        text = "".join(traceback.format_exception(error))
        g.traceback = redact_text(text[-MAX_CHARACTERS:])


def kept() -> str:
    """Return the masked traceback of what failed during this request.

    Returns:
        The text; empty if nothing failed, without `--dev`, and for other machines.
    """
    return str(g.get("traceback") or calls.failure.get()) if _shown() else ""


def _shown() -> bool:
    if not current_app.extensions["puqpanel-settings"].dev:
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def install(app: Flask) -> None:
    """Make `traceback()` available to templates, and forget failures of earlier requests."""
    app.jinja_env.globals["traceback"] = kept
    app.before_request(lambda: calls.failure.set("") and None)
