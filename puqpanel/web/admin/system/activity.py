"""The activity log: the audit entries, with values before and after each change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import aliased

from puqpanel.domain.permissions import (
    AUDIT_VIEW,
    CLIENTS_VIEW,
    GATEWAYS_VIEW,
    MODULES_VIEW,
    PRODUCTS_VIEW,
    SENDERS_VIEW,
    SERVICES_VIEW,
    SETTINGS_VIEW,
    STAFF_MANAGE,
    TASKS_VIEW,
)
from puqpanel.domain.settings_table import GROUPS
from puqpanel.domain.texts import Text, _, named
from puqpanel.infra.db import session
from puqpanel.models import (
    Audit,
    Client,
    ConfiguredModule,
    Product,
    Role,
    Service,
    Staff,
    Task,
    User,
)
from puqpanel.web.guard import allow, can
from puqpanel.web.list_filters import Filter, date_filter
from puqpanel.web.list_page import Column
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort
from puqpanel.web.look import ACTORS as UNNAMED
from puqpanel.web.look import actor_name, subject_label

bp = Blueprint("activity", __name__, url_prefix="/activity")

ACTORS = {
    "staff": _("Staff"),
    "user": _("User"),
    "automation": _("Automation"),
    "cli": _("Command line"),
    "module": _("Module"),
    "link": _("Public link"),
}
GATEWAY, SENDER = aliased(ConfiguredModule), aliased(ConfiguredModule)
NAMED: dict[str, tuple[Any, Any, str, str]] = {
    "service": (Service, Service.name, "admin.services.show", SERVICES_VIEW),
    "client": (Client, Client.name, "admin.clients.show", CLIENTS_VIEW),
    "product": (Product, Product.name, "admin.products.show", PRODUCTS_VIEW),
    "gateway": (GATEWAY, GATEWAY.title, "admin.gateways.show", GATEWAYS_VIEW),
    "sender": (SENDER, SENDER.title, "admin.senders.show", SENDERS_VIEW),
    "task": (Task, Task.title, "admin.tasks.show", TASKS_VIEW),
    "staff": (Staff, Staff.name, "admin.staff.edit", STAFF_MANAGE),
    "role": (Role, Role.name, "admin.staff.edit_role", STAFF_MANAGE),
    "user": (User, User.email, "", ""),
}
"""Subject type → model, name column, endpoint of its page, permission to open that page."""
ABOUT = (*NAMED, "document", "order", "payment", "module", "currency", "settings")


def _with_names() -> sa.Select[*tuple[Any, ...]]:
    """Select entries with the current name of their subject.

    Each join matches at most one row because UUIDs are unique.
    """
    statement = sa.select(
        Audit.id,
        Audit.at,
        Audit.action,
        Audit.summary,
        Audit.actor_kind,
        Audit.actor_name,
        Audit.impersonator_name,
        Audit.ip,
        Audit.subject_type,
        Audit.subject_uuid,
        sa.func.coalesce(*(name for _model, name, *_rest in NAMED.values()), "").label("subject"),
    ).select_from(Audit)
    for kind, (model, *_rest) in NAMED.items():
        statement = statement.outerjoin(
            model, sa.and_(Audit.subject_type == kind, model.uuid == Audit.subject_uuid)
        )
    return statement


ACTIVITY = Listing(
    _with_names(),
    key=Audit.id,
    sorts={"new": Sort(Audit.id, descending=True)},
    filters={
        "time": date_filter(_("Time"), Audit.at),
        "by": Filter(
            _("Actor"),
            lambda kind: Audit.actor_kind == kind if kind in ACTORS else None,
            choices=lambda: list(ACTORS.items()),
        ),
        "about": Filter(
            _("Type"),
            lambda kind: Audit.subject_type == kind if kind in ABOUT else None,
            choices=lambda: [(kind, subject_label(kind)) for kind in ABOUT],
        ),
        "action": Filter(
            _("Action"), lambda text: Audit.action.startswith(text, autoescape=True), kind="search"
        ),
        "subject": Filter(
            _("Subject"),
            lambda uuid: Audit.subject_uuid == uuid,
            kind="search",
            shown=lambda row, uuid: str(row.subject or uuid),
        ),
        "ip": Filter(_("IP address"), lambda text: Audit.ip == text, kind="search"),
    },
    search=lambda text: sa.or_(
        Audit.summary.icontains(text, autoescape=True),
        Audit.actor_name.icontains(text, autoescape=True),
        Audit.impersonator_name.icontains(text, autoescape=True),
        Audit.subject_uuid == text,
        Audit.ip == text,
    ),
    columns={
        "summary": Column(_("Summary"), lambda row: row.summary),
        "time": Column(_("Time"), lambda row: row.at),
        "action": Column(_("Action"), lambda row: row.action, export_only=True),
        "subject_type": Column(_("Subject type"), lambda row: row.subject_type, export_only=True),
        "subject": Column(_("Subject"), lambda row: row.subject),
        "subject_id": Column(_("Subject ID"), lambda row: row.subject_uuid, export_only=True),
        "actor": Column(_("Actor"), lambda row: actor_name(row.actor_kind, row.actor_name)),
        "impersonator": Column(
            _("Viewed as client by"), lambda row: row.impersonator_name, export_only=True
        ),
        "actor_type": Column(_("Actor type"), lambda row: row.actor_kind, export_only=True),
        "ip_address": Column(_("IP address"), lambda row: row.ip),
    },
    noun="entries",
    placeholder=_("Event, actor, IP address or ID"),
)


@bp.get("/")
@allow(AUDIT_VIEW)
def index() -> ResponseReturnValue:
    """Show the log, or export it as CSV."""
    return list_view(
        ACTIVITY,
        "activity",
        "admin/system/activity/index.html",
        link=_link,
        actor_type=_actor_type,
        subject_name=_subject_name,
    )


@bp.get("/<int(max=2147483647):id>")
@allow(AUDIT_VIEW)
def show(id: int) -> ResponseReturnValue:
    """Show one entry with what it changed; secrets were masked when it was written."""
    entry = session().get(Audit, id)
    row = session().execute(_with_names().where(Audit.id == id)).first() if entry else None
    if entry is None or row is None:
        abort(404)
    task = None
    if entry.task_id:
        task = (
            session()
            .execute(
                sa.select(Task.uuid, Task.title, Task.job, Task.module).where(
                    Task.id == entry.task_id
                )
            )
            .first()
        )
    return render_template(
        "admin/system/activity/show.html",
        entry=entry,
        link=_link(row),
        subject_name=_subject_name(row) or (_("Deleted") if row.subject_uuid else "—"),
        actor_type=_actor_type(row),
        task=task,
        changes=_changes(entry.before, entry.after),
        had_before=any(value is not None for value in (entry.before or {}).values()),
    )


def _link(row: Any) -> str:
    """Return the URL of the subject's page; empty if it is gone or the viewer may not open it."""
    if row.subject_type == "module":
        if not row.subject_uuid or not can(MODULES_VIEW):
            return ""
        return url_for("admin.modules.index", q=_subject_name(row))
    if row.subject_type == "settings":
        known = row.subject_uuid in GROUPS and can(SETTINGS_VIEW)
        return url_for("admin.settings.edit", key=row.subject_uuid) if known else ""
    _, _, endpoint, permission = NAMED.get(row.subject_type, (None, None, "", ""))
    if not endpoint or not row.subject or not can(permission):
        return ""
    return url_for(endpoint, uuid=row.subject_uuid)


def _subject_name(row: Any) -> Text | str:
    """Return the subject's current name; of a module, the name in its key."""
    if row.subject:
        return named(row.subject) if row.subject_type == "task" else str(row.subject)
    if row.subject_type == "settings" and row.subject_uuid in GROUPS:
        return GROUPS[row.subject_uuid].label
    return row.subject_uuid.rpartition("/")[2] if row.subject_type == "module" else ""


def _actor_type(row: Any) -> Text | str:
    """Return the actor's type in words; empty where it only repeats the actor's name."""
    return "" if row.actor_kind in UNNAMED else ACTORS.get(row.actor_kind, row.actor_kind)


def _changes(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[tuple[str, str, str]]:
    """Return each changed field with its value before and after."""
    old, new = before or {}, after or {}
    return [
        (name, _text(old.get(name)), _text(new.get(name))) for name in dict.fromkeys([*old, *new])
    ]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
