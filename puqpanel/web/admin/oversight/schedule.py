"""The schedule: periodic jobs of the panel and its modules, with the last and the next run."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.permissions import SCHEDULE_MANAGE, SCHEDULE_VIEW
from puqpanel.domain.texts import Text, _, _n
from puqpanel.host import languages
from puqpanel.host.contract.timetable import UNITS, Work
from puqpanel.operations.modules import availability
from puqpanel.operations.oversight import schedule
from puqpanel.web.admin.oversight.tasks import open_among
from puqpanel.web.admin.provisioning.stopped_runs import shown_runs
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.guard import actor, allow

bp = Blueprint("schedule", __name__, url_prefix="/schedule")
EVERY: dict[str, Callable[[int], Text]] = {
    "d": lambda number: _n("Every day", "Every %(num)s days", number),
    "h": lambda number: _n("Every hour", "Every %(num)s hours", number),
    "m": lambda number: _n("Every minute", "Every %(num)s minutes", number),
    "s": lambda number: _n("Every second", "Every %(num)s seconds", number),
}
"""Unit → the interval in words."""


def interval(work: Work) -> Text | str:
    """Return the interval of a job in words, `Every 5 minutes`; a cron expression as it is."""
    if work.cron:
        return f"{work.cron} (UTC)"
    for unit, text in EVERY.items():
        count, remainder = divmod(work.every, UNITS[unit])
        if not remainder:
            return text(count)
    return EVERY["s"](work.every)


def _label(entry: schedule.Shown) -> Text | str:
    """Return the name of a job in the viewer's language."""
    if entry.module is None:
        return Text(entry.work.name)
    return languages.translate(entry.module.folder, entry.work.name)


@bp.get("/")
@allow(SCHEDULE_VIEW)
def index() -> ResponseReturnValue:
    """List all jobs; the page refreshes itself while one is running."""
    entries = schedule.list_entries()
    return render_template(
        "admin/oversight/schedule/index.html",
        entries=entries,
        interval=interval,
        label=_label,
        stopped=shown_runs(),
        busy=open_among([entry.task for entry in entries if entry.task]),
    )


@bp.post("/run")
@allow(SCHEDULE_MANAGE)
def run() -> ResponseReturnValue:
    """Run a job now, outside its schedule."""
    module, name = _job()
    with flashed_errors():
        schedule.run_now(actor=actor(), module=module, name=name)
        unavailable_reason = availability.unavailable_reason(module) if module else ""
        if unavailable_reason:
            flash(
                _(
                    "“%(name)s” queued. %(unavailable_reason)s",
                    name=name,
                    unavailable_reason=unavailable_reason,
                ),
                "warn",
            )
        else:
            flash(_("“%(name)s” queued.", name=name), "good")
    return redirect(url_for("admin.schedule.index"))


@bp.post("/<any(pause, resume):verb>", endpoint="steer")
@allow(SCHEDULE_MANAGE)
def pause_or_resume(verb: str) -> ResponseReturnValue:
    """Pause or resume a job's schedule."""
    module, name = _job()
    with flashed_errors():
        schedule.pause(actor=actor(), module=module, name=name, paused=verb == "pause")
        done = (
            _("“%(name)s” paused.", name=name)
            if verb == "pause"
            else _("“%(name)s” resumed.", name=name)
        )
        flash(done, "good")
    return redirect(url_for("admin.schedule.index"))


def _job() -> tuple[str, str]:
    """Return the module's key and the job's name from the form."""
    return request.form.get("module", "")[:120], request.form.get("name", "")[:80]
