"""Bulk actions of lists: the confirmation, and the page with progress and results."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from puqpanel.domain.permissions import (
    DOCUMENTS_ISSUE,
    SERVICES_PROVISION,
    SERVICES_TERMINATE,
    TASKS_MANAGE,
)
from puqpanel.domain.task_states import OPEN, TaskStatus
from puqpanel.domain.texts import Text, _, _n
from puqpanel.infra.db import session
from puqpanel.operations.oversight import bulk
from puqpanel.operations.oversight.bulk_actions import ACTIONS
from puqpanel.web import live_parts
from puqpanel.web.answers import flash
from puqpanel.web.guard import actor, allow, can
from puqpanel.web.list_page import SIZES
from puqpanel.web.lists import Listing
from puqpanel.web.look import task_title

bp = Blueprint("bulk", __name__, url_prefix="/bulk")
ROWS = {
    "service": (_("Services"), "admin.services"),
    "task": (_("Tasks"), "admin.tasks"),
    "document": (_("Documents"), "admin.documents"),
}
"""The title and the pages of the list that an action was started from, by what its rows are."""
MAX_NAMES = 12
"""How many rows a harmless action, or a group of refused rows, lists by name."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """One action of a list's bulk bar.

    Args:
        action: a key of `operations.oversight.bulk_actions.ACTIONS`.
        verb: the button's label, `Suspend`.
        button: the question without its question mark, by the number of rows: `Suspend 2 services`.
        lead: the sentence above the names on the confirmation page.
        danger: it destroys something: every name is listed, and the verb and the number of rows
            must be typed.
        asks_reason: whether the confirmation page asks for a reason.
    """

    action: str
    verb: Text
    button: Callable[[int], Text]
    lead: Text | str
    danger: bool = False
    asks_reason: bool = False


def run(actions: dict[str, Bulk], listing: Listing, back: str) -> ResponseReturnValue:
    """Handle the POST of a bulk bar: show the confirmation page, or start the confirmed action.

    Args:
        actions: the actions, by the value of their button.
        listing: the list, for the rows that match its filter.
        back: the URL of the list.
    """
    action = actions.get(request.form.get("do", "")) or abort(400)
    if not can(ACTIONS[action.action].permission):
        abort(403)
    subjects = _selected(listing)
    if len(subjects) > bulk.MAX_ITEMS:
        flash(_("Select at most %(limit)s rows: narrow the filter.", limit=bulk.MAX_ITEMS), "warn")
        return redirect(back)
    rows = bulk.preview(actor=actor(), action=action.action, subjects=subjects)
    if not rows.eligible and not rows.refused:
        flash(_("Select at least one row."), "warn")
        return redirect(back)
    digest = hashlib.sha256("".join(uuid for uuid, _name in rows.eligible).encode()).hexdigest()
    phrase = f"{str(action.verb).upper()} {len(rows.eligible)}" if action.danger else ""
    submitted = request.form.get("confirmed") == "yes" and bool(rows.eligible)
    wrong: Text | str = ""
    if submitted and request.form.get("digest", digest) != digest:
        wrong = _("The selection has changed. Check it and confirm again.")
    elif submitted and " ".join(request.form.get("typed", "").split()) != phrase:
        wrong = _("Type %(phrase)s exactly to confirm.", phrase=phrase)
    if submitted and not wrong:
        task = bulk.start(
            actor=actor(),
            action=action.action,
            subjects=subjects,
            reason=request.form.get("reason", "") if action.asks_reason else "",
        )
        return redirect(url_for("admin.bulk.show", uuid=task.uuid))
    page = _confirmation(action, rows, back, phrase=phrase, wrong=wrong, digest=digest)
    return (page, 422) if submitted else page


def _selected(listing: Listing) -> list[str]:
    if request.form.get("all") == "yes":
        arguments = MultiDict(_query_pairs(request.form.get("query", "")))
        return listing.uuids(session(), arguments, bulk.MAX_ITEMS + 1)
    return list(dict.fromkeys(request.form.getlist("id")[: SIZES[-1]]))


def _query_pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query.removeprefix("?"), max_num_fields=200)


def _confirmation(
    action: Bulk, rows: bulk.Preview, back: str, *, phrase: str, wrong: Text | str, digest: str
) -> str:
    button = action.button(len(rows.eligible))
    number = len(rows.eligible) + len(rows.refused)
    matching = request.form.get("all") == "yes"
    ids = [] if matching else [*rows.eligible, *((row[0], row[1]) for row in rows.refused)]
    return render_template(
        "admin/oversight/bulk/confirm.html",
        title=button,
        button=button,
        back=back,
        keep=_("Go back"),
        goes=_listed(rows.eligible, len(rows.eligible) if action.danger else MAX_NAMES),
        lead=action.lead,
        danger=action.danger,
        typed=phrase,
        wrong=wrong,
        eligible=_n(
            "%(num)s of %(total)s selected rows is eligible.",
            "%(num)s of %(total)s selected rows are eligible.",
            len(rows.eligible),
            total=number,
        ),
        any_eligible=bool(rows.eligible),
        groups=_grouped(rows.refused),
        asks_reason=action.asks_reason,
        reason=request.form.get("reason", ""),
        carried=[
            ("do", request.form["do"]),
            ("confirmed", "yes"),
            ("digest", digest),
            *((("all", "yes"), ("query", request.form.get("query", ""))) if matching else ()),
            *(("id", uuid) for uuid, _name in ids),
        ],
    )


def _grouped(refused: Iterable[bulk.Refusal]) -> list[bulk.Group]:
    groups: dict[str, bulk.Group] = {}
    for uuid, name, reason in refused:
        text = str(reason)
        groups.setdefault(text, bulk.Group(text)).rows.append((uuid, name))
    return list(groups.values())


def _listed(rows: Sequence[tuple[str, str]], limit: int) -> list[Text | str]:
    names: list[Text | str] = [name for _uuid, name in rows[:limit]]
    if len(rows) > limit:
        names.append(_n("and %(num)s more", "and %(num)s more", len(rows) - limit))
    return names


@bp.get("/<uuid>")
@allow(SERVICES_PROVISION, SERVICES_TERMINATE, TASKS_MANAGE, DOCUMENTS_ISSUE)
def show(uuid: str) -> ResponseReturnValue:
    """Show the progress and the results of a bulk action."""
    return render_template("admin/oversight/bulk/show.html", **_context(uuid))


@bp.get("/<uuid>/live")
@allow(SERVICES_PROVISION, SERVICES_TERMINATE, TASKS_MANAGE, DOCUMENTS_ISSUE)
def live(uuid: str) -> ResponseReturnValue:
    """Return the results as a fragment; reload the page once nothing runs any more."""
    context = _context(uuid)
    fragment = render_template("admin/oversight/bulk/_live.html", **context)
    return live_parts.answer(fragment, busy=context["busy"])


def _context(uuid: str) -> dict[str, Any]:
    task = bulk.find_bulk(uuid)
    progress = bulk.progress(task)
    open_task = task.status in OPEN and task.status != TaskStatus.PARKED
    return {
        "task": task,
        "title": task_title(task),
        "progress": progress,
        "busy": open_task or progress.running > 0,
        "rows": ROWS[ACTIONS[task.data["action"]].subject],
        "limit": MAX_NAMES,
    }
