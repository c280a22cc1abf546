"""Schedule: the periodic work of modules, when it is due next, how its last run ended."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.errors import UserError
from puqpanel.host.contract.timetable import UNITS, Work
from puqpanel.operations.modules import availability
from puqpanel.operations.oversight import schedule
from puqpanel.web.admin.oversight.tasks import open_among
from puqpanel.web.guard import actor, allow

bp = Blueprint("schedule", __name__, url_prefix="/schedule")
WORDS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}


def rule(work: Work) -> str:
    """An entry's rule in words, `Every 5 minutes`; a cron text stays as it is."""
    if work.cron:
        return f"{work.cron} (UTC)"
    for letter, word in WORDS.items():
        number, rest = divmod(work.every, UNITS[letter])
        if not rest:
            return f"Every {word}" if number == 1 else f"Every {number} {word}s"
    return f"Every {work.every} seconds"


@bp.get("/")
@allow("schedule.view")
def index() -> ResponseReturnValue:
    """Every entry; the page asks for itself again while one runs."""
    entries = schedule.list_entries()
    return render_template(
        "admin/oversight/schedule/index.html",
        entries=entries,
        rule=rule,
        busy=open_among([one.task for one in entries if one.task]),
    )


@bp.post("/run")
@allow("schedule.manage")
def run() -> ResponseReturnValue:
    """Runs an entry out of turn."""
    module, name = _named()
    try:
        schedule.run_now(actor=actor(), module=module, name=name)
    except UserError as error:
        flash(str(error), "bad")
    else:
        held = availability.unavailable_reason(module)
        flash(
            f"“{name}” waits. {held}" if held else f"“{name}” runs now.", "warn" if held else "good"
        )
    return redirect(url_for("admin.schedule.index"))


@bp.post("/<any(pause, resume):verb>")
@allow("schedule.manage")
def steer(verb: str) -> ResponseReturnValue:
    """Stops an entry from running by itself, or lets it again."""
    module, name = _named()
    try:
        schedule.pause(actor=actor(), module=module, name=name, paused=verb == "pause")
    except UserError as error:
        flash(str(error), "bad")
    else:
        flash(
            (
                f"“{name}” does not run by itself any more."
                if verb == "pause"
                else f"“{name}” runs by itself again."
            ),
            "good",
        )
    return redirect(url_for("admin.schedule.index"))


def _named() -> tuple[str, str]:
    return request.form.get("module", "")[:120], request.form.get("name", "")[:80]
