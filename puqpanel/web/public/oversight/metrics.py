"""GET /metrics: figures in the text format of Prometheus, for those who know the token."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, abort, current_app, request

from puqpanel.infra import metrics
from puqpanel.infra.settings import Settings
from puqpanel.operations.oversight.metrics import figures
from puqpanel.web.guard import public

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
@public
def index() -> Response:
    """Return the metrics of this host and of the panel; 404 while no token is set."""
    settings: Settings = current_app.extensions["puqpanel-settings"]
    if not settings.metrics_token:
        abort(404)
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    right = hmac.compare_digest(given.strip().encode(), settings.metrics_token.encode())
    if scheme.lower() != "bearer" or not right:
        refused = Response("The token is missing or wrong.\n", 401, mimetype="text/plain")
        refused.headers["WWW-Authenticate"] = "Bearer"
        return refused
    answer = Response(metrics.exposition(figures(settings)), content_type=metrics.CONTENT_TYPE)
    answer.headers["Cache-Control"] = "no-store"
    return answer
