"""The activity log: who did what to what, when and from where, and what stood before and after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import aliased

from puqpanel.infra.db import session
from puqpanel.models import Audit, Client, Instance, Product, Role, Service, Staff, Task, User
from puqpanel.web.exports import csv_answer, csv_wanted
from puqpanel.web.guard import allow, can
from puqpanel.web.lists import Column, Filter, Listing, Sort

bp = Blueprint("activity", __name__, url_prefix="/activity")

ACTORS = {
    "staff": "Staff",
    "user": "Customer",
    "system": "Automation",
    "cli": "Command line",
    "module": "Module",
}
GATEWAY, SENDER = aliased(Instance), aliased(Instance)
NAMED: dict[str, tuple[Any, Any, str, str]] = {
    "service": (Service, Service.name, "admin.services.show", "services.view"),
    "client": (Client, Client.name, "admin.clients.show", "clients.view"),
    "product": (Product, Product.name, "admin.products.show", "products.view"),
    "gateway": (GATEWAY, GATEWAY.title, "admin.gateways.show", "gateways.view"),
    "sender": (SENDER, SENDER.title, "admin.senders.show", "senders.view"),
    "task": (Task, Task.title, "admin.tasks.show", "tasks.view"),
    "staff": (Staff, Staff.name, "admin.staff.edit_form", "staff.manage"),
    "role": (Role, Role.name, "admin.staff.role_edit_form", "staff.manage"),
    "user": (User, User.email, "", ""),
}
"""Kind of subject → its rows, what they are called, the page of one and who may open that."""
ABOUT = (*NAMED, "module")


def _with_names() -> sa.Select[*tuple[Any, ...]]:
    """Entries with the present name of what they are about: each join finds at most one row by
    its unique uuid.
    """
    wanted = sa.select(
        Audit.id,
        Audit.at,
        Audit.action,
        Audit.summary,
        Audit.actor_kind,
        Audit.actor_name,
        Audit.ip,
        Audit.subject_type,
        Audit.subject_uuid,
        sa.func.coalesce(*(name for _, name, _, _ in NAMED.values()), "").label("subject"),
    ).select_from(Audit)
    for kind, (model, _, _, _) in NAMED.items():
        wanted = wanted.outerjoin(
            model, sa.and_(Audit.subject_type == kind, model.uuid == Audit.subject_uuid)
        )
    return wanted


ACTIVITY = Listing(
    _with_names(),
    key=Audit.id,
    sorts={"new": Sort(Audit.id, descending=True)},
    filters={
        "by": Filter(
            "Who",
            lambda kind: Audit.actor_kind == kind if kind in ACTORS else None,
            choices=lambda: list(ACTORS.items()),
        ),
        "about": Filter(
            "About",
            lambda kind: Audit.subject_type == kind if kind in ABOUT else None,
            choices=lambda: [(kind, kind.capitalize()) for kind in ABOUT],
        ),
        "action": Filter(
            "Action", lambda text: Audit.action.startswith(text, autoescape=True), kind="search"
        ),
        "subject": Filter(
            "Subject",
            lambda uuid: Audit.subject_uuid == uuid,
            kind="search",
            shown=lambda row, uuid: str(row.subject or uuid),
        ),
        "ip": Filter("From", lambda text: Audit.ip == text, kind="search"),
    },
    search=lambda text: sa.or_(
        Audit.summary.icontains(text, autoescape=True),
        Audit.actor_name.icontains(text, autoescape=True),
        Audit.subject_uuid == text,
        Audit.ip == text,
    ),
    columns=(
        Column("At", lambda row: row.at),
        Column("Action", lambda row: row.action),
        Column("Summary", lambda row: row.summary),
        Column("About", lambda row: row.subject_type),
        Column("Subject", lambda row: row.subject),
        Column("Subject ID", lambda row: row.subject_uuid),
        Column("Who", lambda row: row.actor_name),
        Column("Kind", lambda row: row.actor_kind),
        Column("From", lambda row: row.ip),
    ),
    noun="entries",
    placeholder="What happened, who, or an ID",
)


@bp.get("/")
@allow("audit.view")
def index() -> ResponseReturnValue:
    """The list."""
    if csv_wanted():
        return csv_answer(ACTIVITY, "activity")
    page = ACTIVITY.page(session(), request.path, request.args)
    return render_template("admin/system/activity/index.html", list=page, link=_link, kinds=ACTORS)


@bp.get("/<int:id>")
@allow("audit.view")
def show(id: int) -> ResponseReturnValue:
    """One entry with what it changed; secrets were masked before they were written down."""
    entry = session().get(Audit, id) if id < 2**31 else None
    row = session().execute(_with_names().where(Audit.id == id)).first() if entry else None
    if entry is None or row is None:
        abort(404)
    task = (
        session()
        .execute(sa.select(Task.uuid, Task.title, Task.job).where(Task.id == entry.task_id))
        .first()
        if entry.task_id
        else None
    )
    return render_template(
        "admin/system/activity/show.html",
        entry=entry,
        row=row,
        link=_link,
        kinds=ACTORS,
        task=task,
        changes=_changes(entry.before, entry.after),
        had_before=any(value is not None for value in (entry.before or {}).values()),
    )


def _link(row: Any) -> str:
    """The page of what an entry is about, for whoever may open it; empty where there is none,
    or it is gone.
    """
    if row.subject_type == "module":
        return (
            url_for("admin.modules.index", q=row.subject_uuid.rpartition("/")[2])
            if can("modules.view") and row.subject_uuid
            else ""
        )
    endpoint, permission = NAMED.get(row.subject_type, (None, None, "", ""))[2:]
    return (
        url_for(endpoint, uuid=row.subject_uuid)
        if endpoint and row.subject and can(permission)
        else ""
    )


def _changes(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[tuple[str, str, str]]:
    """What changed, by field: as it was and as it is."""
    old, new = before or {}, after or {}
    return [
        (name, _shown(old.get(name)), _shown(new.get(name))) for name in dict.fromkeys([*old, *new])
    ]


def _shown(value: Any) -> str:
    return (
        ""
        if value is None
        else value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False)
    )
