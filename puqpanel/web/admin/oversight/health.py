"""Whether everything is well, with what to do where it is not: the same checks as `puqpanel
doctor`.
"""

from __future__ import annotations

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue

from puqpanel.infra.settings import Settings
from puqpanel.operations.oversight import health
from puqpanel.web.guard import allow

bp = Blueprint("health", __name__, url_prefix="/health")


@bp.get("/")
@allow("health.view")
def index() -> ResponseReturnValue:
    """Every check with its sentence and remedy."""
    settings: Settings = current_app.extensions["puqpanel-settings"]
    return render_template("admin/oversight/health.html", report=health.look(settings))
