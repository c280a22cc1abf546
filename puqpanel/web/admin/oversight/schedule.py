"""The schedule: periodic jobs of the panel and its modules, with the last and the next run."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.host.contract.timetable import UNITS, Work
from puqpanel.operations.modules import availability
from puqpanel.operations.oversight import schedule
from puqpanel.web.admin.oversight.tasks import open_among
from puqpanel.web.answers import flashed_errors
from puqpanel.web.guard import actor, allow

bp = Blueprint("schedule", __name__, url_prefix="/schedule")
UNIT_NAMES = {"d": "day", "h": "hour", "m": "minute", "s": "second"}


def interval(work: Work) -> str:
    """Return the interval of a job in words, `Every 5 minutes`; a cron expression as it is."""
    if work.cron:
        return f"{work.cron} (UTC)"
    for unit, name in UNIT_NAMES.items():
        count, remainder = divmod(work.every, UNITS[unit])
        if not remainder:
            return f"Every {name}" if count == 1 else f"Every {count} {name}s"
    return f"Every {work.every} seconds"


@bp.get("/")
@allow("schedule.view")
def index() -> ResponseReturnValue:
    """List all jobs; the page refreshes itself while one is running."""
    entries = schedule.list_entries()
    return render_template(
        "admin/oversight/schedule/index.html",
        entries=entries,
        interval=interval,
        busy=open_among([entry.task for entry in entries if entry.task]),
    )


@bp.post("/run")
@allow("schedule.manage")
def run() -> ResponseReturnValue:
    """Run a job now, outside its schedule."""
    module, name = _job()
    with flashed_errors():
        schedule.run_now(actor=actor(), module=module, name=name)
        unavailable_reason = availability.unavailable_reason(module) if module else ""
        if unavailable_reason:
            flash(f"“{name}” queued. {unavailable_reason}", "warn")
        else:
            flash(f"“{name}” queued.", "good")
    return redirect(url_for("admin.schedule.index"))


@bp.post("/<any(pause, resume):verb>", endpoint="steer")
@allow("schedule.manage")
def pause_or_resume(verb: str) -> ResponseReturnValue:
    """Pause or resume a job's schedule."""
    module, name = _job()
    with flashed_errors():
        schedule.pause(actor=actor(), module=module, name=name, paused=verb == "pause")
        flash(f"“{name}” {verb}d.", "good")
    return redirect(url_for("admin.schedule.index"))


def _job() -> tuple[str, str]:
    """Return the module's key and the job's name from the form."""
    return request.form.get("module", "")[:120], request.form.get("name", "")[:80]
