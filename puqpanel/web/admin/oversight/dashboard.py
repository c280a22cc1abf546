"""The first page of staff: figures, charts, and the lists to act on."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from puqpanel.operations.oversight import dashboard
from puqpanel.web import times
from puqpanel.web.guard import allow, can

bp = Blueprint("dashboard", __name__)


@bp.get("/")
@allow()
def index() -> ResponseReturnValue:
    """Figures for those who may see them; a greeting for everybody else, so that nobody signs
    in to a refusal.
    """
    if not can("dashboard.view"):
        return render_template("admin/accounts/welcome.html")
    weeks, hours = dashboard.services_by_week(), dashboard.tasks_by_hour()
    zone = times.viewer_zone()
    return render_template(
        "admin/oversight/dashboard.html",
        figures=dashboard.figures(),
        failed=dashboard.failed_services(),
        weeks=[(times.day(start), new, lost) for start, new, lost in weeks],
        hours=[(f"{start.astimezone(zone):%H:%M}", good, bad) for start, good, bad in hours],
    )
