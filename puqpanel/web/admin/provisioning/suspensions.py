"""Staff pages for automatic suspensions: the list of a run that stopped, and what staff decided."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.dunning import LABELS, StepKind
from puqpanel.domain.permissions import SERVICES_TERMINATE, SERVICES_VIEW
from puqpanel.domain.texts import Text, _
from puqpanel.operations.automation import brake
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.documents import shown_day
from puqpanel.web.guard import actor, allow

bp = Blueprint("suspensions", __name__, url_prefix="/suspensions")
SHOWN = 200
"""Services of a run that the page lists."""
DONE = {
    "approve": _("Approved. The services are being suspended and terminated."),
    "dismiss": _("Dismissed. The services will be checked again in a day."),
}
DECISIONS: dict[str, Callable[..., None]] = {"approve": brake.approve, "dismiss": brake.dismiss}


def step_label(step: str) -> Text:
    """Return the name of a kind of step."""
    return LABELS[StepKind(step)]


@bp.get("/")
@allow(SERVICES_VIEW)
def index() -> ResponseReturnValue:
    """Show the services about which staff have to decide, and what was decided before."""
    run = brake.open_run()
    held = brake.held(run) if run else []
    return render_template(
        "admin/provisioning/suspensions/index.html",
        run=run,
        held=held[:SHOWN],
        more=max(len(held) - SHOWN, 0),
        decided=brake.decided_runs(),
        step_label=step_label,
        day=shown_day,
    )


@bp.post("/<uuid>/<any(approve, dismiss):decision>")
@allow(SERVICES_TERMINATE)
def decide(uuid: str, decision: str) -> ResponseReturnValue:
    """Approve or dismiss the list that was shown."""
    with flashed_errors():
        DECISIONS[decision](actor=actor(), uuid=uuid, seen=request.form.get("seen", "")[:40])
        flash(DONE[decision], "good")
    return redirect(url_for("admin.suspensions.index"))
