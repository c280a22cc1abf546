"""The module log: requests that modules sent to providers, and the responses."""

from __future__ import annotations

import json

import sqlalchemy as sa
from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from puqpanel.domain.permissions import MODULE_LOG_VIEW
from puqpanel.domain.texts import _
from puqpanel.host import registry
from puqpanel.infra.db import session
from puqpanel.models import ModuleLog, Service, Task
from puqpanel.web.guard import allow
from puqpanel.web.list_filters import Filter, date_filter
from puqpanel.web.list_page import Column, Tab
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort

bp = Blueprint("module_log", __name__, url_prefix="/module-log")


def _of_module(key: str) -> sa.ColumnElement[bool] | None:
    kind, _, name = key.partition("/")
    return sa.and_(ModuleLog.type == kind, ModuleLog.name == name) if name else None


def _of_task(text: str) -> sa.ColumnElement[bool] | None:
    return ModuleLog.task_id == int(text) if text.isdecimal() and len(text) < 10 else None


LOG = Listing(
    sa.select(
        ModuleLog.id,
        ModuleLog.at,
        ModuleLog.type,
        ModuleLog.name,
        ModuleLog.level,
        ModuleLog.action,
        ModuleLog.duration_ms,
        ModuleLog.service_uuid,
        ModuleLog.actor_name,
        sa.func.substr(ModuleLog.response, 1, 160).label("response"),
    ),
    key=ModuleLog.id,
    sorts={"new": Sort(ModuleLog.id, descending=True)},
    tabs={
        "all": Tab(_("All")),
        "error": Tab(_("Errors"), ModuleLog.level == "error"),
        "debug": Tab(_("Debug"), ModuleLog.level == "debug"),
    },
    filters={
        "module": Filter(
            _("Module"),
            _of_module,
            choices=lambda: [
                (module.key, module.title) for module in registry.current().modules.values()
            ],
            shown=lambda row, _: str(row.name),
        ),
        "service": Filter(_("Service"), lambda uuid: ModuleLog.service_uuid == uuid, kind="text"),
        "task": Filter(
            _("Task"),
            _of_task,
            kind="number",
        ),
        "time": date_filter(_("Time"), ModuleLog.at),
    },
    search=lambda text: sa.or_(
        ModuleLog.action.icontains(text, autoescape=True), ModuleLog.request_id == text
    ),
    columns={
        "action": Column(_("Action"), lambda row: row.action),
        "time": Column(_("Time"), lambda row: row.at),
        "level": Column(_("Level"), lambda row: row.level),
        "module": Column(_("Module"), lambda row: f"{row.type}/{row.name}"),
        "response": Column(_("Response"), lambda row: row.response),
        "duration_ms": Column(_("Duration (ms)"), lambda row: row.duration_ms),
        "service": Column(_("Service"), lambda row: row.service_uuid, export_only=True),
        "by": Column(_("By"), lambda row: row.actor_name, export_only=True),
    },
    noun="entries",
    placeholder=_("Action or request ID"),
)


@bp.get("/")
@allow(MODULE_LOG_VIEW)
def index() -> ResponseReturnValue:
    """Show the log, or export it as CSV."""
    return list_view(LOG, "module-log", "admin/modules/module_log/index.html")


@bp.get("/<int(max=2147483647):id>")
@allow(MODULE_LOG_VIEW)
def show(id: int) -> ResponseReturnValue:
    """Show one entry in full; its secrets were masked when it was written."""
    row = (
        session()
        .execute(
            sa.select(
                ModuleLog,
                Task.uuid.label("task_uuid"),
                Task.title.label("task_title"),
                Service.name.label("service_name"),
            )
            .outerjoin(Task, Task.id == ModuleLog.task_id)
            .outerjoin(Service, Service.uuid == ModuleLog.service_uuid)
            .where(ModuleLog.id == id)
        )
        .first()
    )
    if row is None:
        abort(404)
    return render_template(
        "admin/modules/module_log/show.html", row=row, line=row.ModuleLog, pretty=_pretty
    )


def _pretty(text: str) -> str:
    """Return JSON indented and any other text unchanged."""
    if not text.startswith(("{", "[")):
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
