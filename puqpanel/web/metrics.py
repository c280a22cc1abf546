"""Counts requests for GET /metrics, from the first hook to the end of the request.

The status of a request that an exception ended without a response, such as SystemExit, is 500.
"""

from __future__ import annotations

import time

from flask import Flask, Response, g, request

from puqpanel.infra import metrics

UNKNOWN = "none"
"""The endpoint of requests for addresses that do not exist."""
MODULES = "mod_"
"""Start of the endpoints of modules, which are counted together for each module."""


def _begin() -> None:
    g.request_started = time.perf_counter()


def _note(response: Response) -> Response:
    g.request_status = response.status_code
    return response


def _end(_error: BaseException | None) -> None:
    started = g.pop("request_started", None)
    if started is None:
        return
    endpoint = request.endpoint or UNKNOWN
    if endpoint.startswith(MODULES):
        endpoint = endpoint.partition(".")[0]
    metrics.request_ended(endpoint, g.get("request_status", 500), time.perf_counter() - started)


def install(app: Flask) -> None:
    """Count requests; call this before other hooks are added."""
    if metrics.enabled():
        app.before_request(_begin)
        app.after_request(_note)
        app.teardown_request(_end)
