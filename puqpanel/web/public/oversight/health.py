"""GET /health: the panel's health, for monitors, load balancers and `puqpanel up`."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify, request

from puqpanel.operations.oversight import health
from puqpanel.web.guard import public

bp = Blueprint("health", __name__)


@bp.get("/health")
@public
def index() -> tuple[Response, int]:
    """Return the status of each check, with code 200, or 503 if one fails.

    The response contains no details, because it is public. `?only=database,keys` runs only these
    checks: a load balancer can keep routing pages while no worker runs.
    """
    requested = request.args.get("only", "").split(",")
    names = [name for name in requested if name in health.CHECKS] or None
    report = health.look(current_app.extensions["puqpanel-settings"], names)
    response = jsonify(report.public())
    response.headers["Cache-Control"] = "no-store"
    return response, 200 if report.ok else 503
