"""Server-Timing under `--dev`: what browsers show of a request in their network tab."""

from __future__ import annotations

import time

from flask import Flask, Response, g

from puqpanel.infra import statements


def _begin() -> None:
    g.tally, g.began = statements.start(), time.perf_counter()


def _finish(response: Response) -> Response:
    tally: statements.Tally | None = g.get("tally")
    if tally is not None:
        rest = time.perf_counter() - g.began - tally.seconds
        response.headers["Server-Timing"] = (
            f'db;dur={tally.seconds * 1000:.1f};desc="{tally.number} statements",'
            f" app;dur={rest * 1000:.1f}"
        )
    return response


def install(app: Flask) -> None:
    """Add the header to every response; call this before other hooks are added."""
    app.before_request(_begin)
    app.after_request(_finish)
