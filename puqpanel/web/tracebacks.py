"""The traceback of a failed request, shown to the developer of a module under `--dev`."""

from __future__ import annotations

import ipaddress
import traceback

from flask import Flask, current_app, g, request

from puqpanel.host import calls
from puqpanel.host.calls import last_lines
from puqpanel.infra.redact import redact_text


def keep(error: BaseException) -> None:
    """Keep the traceback of an error for the response."""
    if _shown():
        text = "".join(traceback.format_exception(error))
        g.traceback = redact_text(last_lines(text))


def kept() -> str:
    """Return the masked traceback of what failed during this request.

    Returns:
        The text; empty if nothing failed, without `--dev`, and for other machines.
    """
    return str(g.get("traceback") or calls.failure.get()) if _shown() else ""


def _shown() -> bool:
    if not current_app.extensions["puqpanel-settings"].dev:
        return False
    if {"X-Forwarded-For", "Forwarded"} & set(request.headers.keys()):
        return False  # a proxy of this machine may serve others
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def install(app: Flask) -> None:
    """Make `panel_traceback()` available to templates, and forget failures of earlier requests."""
    app.jinja_env.globals["panel_traceback"] = kept
    app.before_request(lambda: calls.failure.set("") and None)
