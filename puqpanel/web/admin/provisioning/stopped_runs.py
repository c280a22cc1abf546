"""Staff pages for runs of automation that stopped: what they would do, and what staff decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.brake import RunKind
from puqpanel.domain.dunning import LABELS, StepKind
from puqpanel.domain.permissions import (
    DOCUMENTS_ISSUE,
    DOCUMENTS_VIEW,
    PAYMENTS_MANAGE,
    SERVICES_TERMINATE,
    SERVICES_VIEW,
)
from puqpanel.domain.texts import Text, _
from puqpanel.models import StoppedRun
from puqpanel.operations.automation import (
    charging,
    overdue_documents,
    service_steps,
    stopped_runs,
)
from puqpanel.operations.billing import payment_methods
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.documents import shown_day
from puqpanel.web.guard import actor, allow, can
from puqpanel.web.prices import money

bp = Blueprint("stopped_runs", __name__, url_prefix="/stopped-runs")
SHOWN = 200
"""Steps of a run that the page lists."""
VIEWED = {
    RunKind.SERVICES: SERVICES_VIEW,
    RunKind.CHARGES: DOCUMENTS_VIEW,
    RunKind.REMINDERS: DOCUMENTS_VIEW,
}
"""Which permission shows the steps of a run."""
TITLES = {
    RunKind.SERVICES: _("Suspensions and terminations"),
    RunKind.CHARGES: _("Charges of saved payment methods"),
    RunKind.REMINDERS: _("Reminders"),
}
DONE = {
    "approve": _("List approved. It is being processed now."),
    "dismiss": _("List dismissed. It will be checked again in a day."),
}
DECISIONS: dict[str, Callable[..., None]] = {
    "approve": stopped_runs.approve,
    "dismiss": stopped_runs.dismiss,
}


@dataclass(frozen=True, slots=True)
class Row:
    """A step that staff have to approve.

    Args:
        name: the service or the document.
        address: its page.
        client: the name of the client.
        what: what would be done.
        why: the document, or how a document would be paid; may be empty.
        due_on: the last day for payment.
    """

    name: str
    address: str
    client: str
    what: Text | str
    why: Text | str
    due_on: date | None
    bad: bool = False


def shown_runs() -> list[StoppedRun]:
    """Return the runs that wait and whose steps the viewer may see."""
    return [run for run in stopped_runs.open_runs() if can(VIEWED[RunKind(run.kind)])]


@bp.get("/")
@allow(SERVICES_VIEW, DOCUMENTS_VIEW)
def index() -> ResponseReturnValue:
    """Show what staff have to decide about, and what was decided before."""
    shown = []
    for run in shown_runs():
        kind = RunKind(run.kind)
        rows = list(_rows(kind, {(subject, what) for subject, what in run.steps}))
        more = max(len(rows) - SHOWN, 0)
        shown.append((run, TITLES[kind], rows[:SHOWN], more, can(stopped_runs.PERMISSIONS[kind])))
    decided = [run for run in stopped_runs.decided_runs() if can(VIEWED[RunKind(run.kind)])]
    return render_template(
        "admin/provisioning/stopped_runs/index.html",
        shown=shown,
        decided=decided,
        title=lambda run: TITLES[RunKind(run.kind)],
        day=shown_day,
    )


@bp.post("/<uuid>/<any(approve, dismiss):decision>")
@allow(SERVICES_TERMINATE, PAYMENTS_MANAGE, DOCUMENTS_ISSUE)
def decide(uuid: str, decision: str) -> ResponseReturnValue:
    """Approve or dismiss the list that was shown."""
    with flashed_errors():
        DECISIONS[decision](actor=actor(), uuid=uuid, seen=request.form.get("seen", "")[:40])
        flash(DONE[decision], "good")
    return redirect(url_for("admin.stopped_runs.index"))


def _rows(kind: RunKind, pairs: set[tuple[str, str]]) -> Iterator[Row]:
    """Return the steps that are still due."""
    if kind == RunKind.SERVICES:
        for step in service_steps.due():
            if step.pair in pairs:
                debt = step.debt
                yield Row(
                    debt.service,
                    url_for("admin.services.show", uuid=debt.service_uuid),
                    debt.client,
                    LABELS[step.step],
                    _("Prepaid") if debt.prepaid else debt.number,
                    debt.due_on,
                    bad=step.step == StepKind.TERMINATE,
                )
    elif kind == RunKind.CHARGES:
        for charge in charging.due():
            if charge.pair in pairs:
                document = charge.document
                yield Row(
                    document.number or "",
                    url_for("admin.documents.show", uuid=document.uuid),
                    document.client.name,
                    money(charge.amount),
                    payment_methods.label(charge.method),
                    document.due_on,
                )
    else:
        for reminder in overdue_documents.due():
            if reminder.pair in pairs and reminder.step == StepKind.REMINDER:
                yield Row(
                    reminder.number,
                    url_for("admin.documents.show", uuid=reminder.uuid),
                    reminder.client,
                    reminder.reason,
                    "",
                    reminder.due_on,
                )
