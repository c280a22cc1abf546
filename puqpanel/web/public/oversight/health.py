"""GET /health: whether the panel is well, for monitors, load balancers and `puqpanel up`."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, current_app, jsonify, request

from puqpanel.infra.settings import Settings
from puqpanel.operations.oversight import health
from puqpanel.web.guard import public

bp = Blueprint("health", __name__)


@bp.get("/health")
@public
def index() -> tuple[Response, int]:
    """200 when nothing fails, else 503; the state of each check and nothing more, since anybody may
    ask.

    `?only=database,keys` looks at these alone: a load balancer need not take the pages away because
    the workers rest.
    """
    names = [
        name for name in request.args.get("only", "").split(",") if name in health.CHECKS
    ] or None
    # Flask's type does not know it
    report = health.look(cast("Settings", getattr(current_app, "settings")), names)  # noqa: B009
    answer = jsonify(report.public())
    answer.headers["Cache-Control"] = "no-store"
    return answer, 200 if report.ok else 503
