"""The health page: the checks of `puqpanel doctor`, with remedies."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue

from puqpanel.domain.permissions import HEALTH_VIEW
from puqpanel.operations.oversight import health
from puqpanel.web.guard import allow

bp = Blueprint("health", __name__, url_prefix="/health")


@bp.get("/")
@allow(HEALTH_VIEW)
def index() -> ResponseReturnValue:
    """Run all checks and show their results."""
    report = health.look(current_app.extensions["puqpanel-settings"])
    return render_template("admin/oversight/health.html", report=report)
