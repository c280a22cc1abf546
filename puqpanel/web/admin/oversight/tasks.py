"""Background tasks: list, detail page, retry and cancel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.permissions import TASKS_MANAGE, TASKS_VIEW
from puqpanel.domain.task_states import LABELS, OPEN, OnLoss, TaskStatus
from puqpanel.domain.texts import Text, _, _n
from puqpanel.infra.db import session
from puqpanel.infra.redact import redact
from puqpanel.models import Service, Task, TaskAttempt, TaskTag
from puqpanel.operations.oversight import tasks
from puqpanel.operations.provisioning.observations import SUBJECT
from puqpanel.web import live_parts
from puqpanel.web.admin.oversight.bulk import Bulk, run
from puqpanel.web.answers import flash, flashed_errors, same_site
from puqpanel.web.guard import actor, allow, can
from puqpanel.web.list_filters import Filter, date_filter, uuid_starts
from puqpanel.web.list_page import Column, Tab
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort
from puqpanel.web.look import actor_name, task_title

bp = Blueprint("tasks", __name__, url_prefix="/tasks")

ON_LOSS: dict[str, Text] = {
    OnLoss.REPEAT: _("Retry the job"),
    OnLoss.OBSERVE: _("Check the result at the provider"),
    OnLoss.LOSE: _("Mark the task as lost"),
}

SUBJECTS = {
    "service": _("Service"),
    "product": _("Product"),
    "gateway": _("Gateway"),
    "payment": _("Payment"),
    "sender": _("Sender"),
    "module": _("Module"),
    "client": _("Client"),
    SUBJECT: _("Provider's state"),
}

ROW: tuple[Any, ...] = (
    Task.uuid,
    Task.title,
    Task.job,
    Task.status,
    Task.note,
    Task.attempt,
    Task.tries,
    Task.started_at,
    Task.ended_at,
    Task.run_at,
    Task.created_at,
    Task.actor_kind,
    Task.actor_name,
    Task.module,
    Task.subject_type,
    Task.subject_uuid,
    Task.queue,
    Task.id,
)


def open_among(rows: Iterable[Any]) -> bool:
    """Return whether a page of these tasks should refresh itself.

    A parked task does not count: it may stay parked for days.
    """
    return any(row.status in OPEN and row.status != TaskStatus.PARKED for row in rows)


TASKS = Listing(
    sa.select(*ROW, Service.name.label("service"))
    .select_from(Task)
    .outerjoin(Service, Task.of_service(Service.uuid)),
    key=Task.id,
    sorts={"new": Sort(Task.id, descending=True)},
    tabs={
        "all": Tab(_("All"), ~tasks.ROUTINE),
        "open": Tab(_("Open"), sa.and_(Task.status.in_(sorted(OPEN)), ~tasks.MAINTENANCE)),
        "failed": Tab(_("Failed"), Task.status == TaskStatus.FAILED),
        "lost": Tab(_("Lost"), Task.status == TaskStatus.LOST),
        "completed": Tab(
            _("Completed"), sa.and_(Task.status == TaskStatus.COMPLETED, ~tasks.ROUTINE)
        ),
        "cancelled": Tab(_("Cancelled"), Task.status == TaskStatus.CANCELLED),
        "scheduled": Tab(_("Scheduled"), tasks.ROUTINE, tasks.ROUTINE_PARTS),
    },
    filters={
        "tag": Filter(
            _("Tag"),
            lambda text: Task.id.in_(sa.select(TaskTag.task_id).where(TaskTag.tag == text)),
            kind="text",
        ),
        "module": Filter(_("Module"), lambda text: Task.module == text, kind="text"),
        "about": Filter(
            _("Type"),
            lambda kind: Task.subject_type == kind if kind in SUBJECTS else None,
            choices=lambda: list(SUBJECTS.items()),
        ),
        "subject": Filter(_("Subject"), lambda uuid: Task.subject_uuid == uuid, kind="text"),
        "job": Filter(_("Job"), lambda text: Task.job == text, kind="text"),
        "status": Filter(
            _("Status"),
            lambda word: Task.status == word if word in set(TaskStatus) else None,
            choices=lambda: [(status, LABELS[status]) for status in TaskStatus],
        ),
        "created": date_filter(_("Created"), Task.created_at),
    },
    search=lambda text: sa.or_(
        Task.title.icontains(text, autoescape=True),
        Service.matches(text),
        uuid_starts(Task.uuid, text),
        Task.subject_uuid == text,
    ),
    columns={
        "task": Column(_("Task"), task_title),
        "job": Column(_("Job"), lambda row: row.job, export_only=True),
        "status": Column(_("Status"), lambda row: row.status),
        "module": Column(_("Module"), lambda row: row.module),
        "service": Column(_("Service"), lambda row: row.service or "", export_only=True),
        "subject_type": Column(_("Subject type"), lambda row: row.subject_type, export_only=True),
        "subject_id": Column(_("Subject ID"), lambda row: row.subject_uuid, export_only=True),
        "attempt": Column(_("Attempt"), lambda row: row.attempt),
        "max_attempts": Column(_("Max attempts"), lambda row: row.tries, export_only=True),
        "created": Column(_("Created"), lambda row: row.created_at, export_only=True),
        "started": Column(_("Started"), lambda row: row.started_at),
        "ended": Column(_("Ended"), lambda row: row.ended_at, export_only=True),
        "duration": Column(
            _("Duration (s)"),
            lambda row: (
                (row.ended_at - row.started_at).total_seconds()
                if row.ended_at and row.started_at
                else None
            ),
        ),
        "by": Column(_("Requested by"), lambda row: actor_name(row.actor_kind, row.actor_name)),
        "note": Column(_("Note"), lambda row: row.note, export_only=True),
        "uuid": Column("UUID", lambda row: row.uuid, export_only=True),
    },
    noun="tasks",
    placeholder=_("Title, service or ID"),
)


@bp.get("/")
@allow(TASKS_VIEW)
def index() -> ResponseReturnValue:
    """Show the list, which refreshes itself while it shows an open task, or export it as CSV."""
    template = "admin/oversight/tasks/index.html"
    return list_view(TASKS, "tasks", template, lambda rows: {"busy": open_among(rows)})


@bp.get("/<uuid>")
@allow(TASKS_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Show one task: its input, its attempts with output, and its module log entries."""
    return render_template("admin/oversight/tasks/show.html", **_context(uuid))


@bp.get("/<uuid>/live")
@allow(TASKS_VIEW)
def live(uuid: str) -> ResponseReturnValue:
    """Return status and attempts as a fragment; reload the page once the task has ended."""
    context = _context(uuid)
    fragment = render_template("admin/oversight/tasks/_live.html", **context)
    return live_parts.answer(fragment, busy=context["busy"])


def _context(uuid: str) -> dict[str, Any]:
    task = tasks.find_task(uuid)
    named = sa.select(Service.name).where(Service.uuid == task.service_uuid)
    service_name = session().scalar(named) if task.service_uuid else None
    title = str(task_title(task))
    data = {key: value for key, value in task.data.items() if key != "module"}
    return {
        "task": task,
        "title": f"{title} {service_name}" if service_name else title,
        "service_name": service_name,
        "input": redact(data),
        "log": tasks.log_of(task),
        "busy": open_among([task]),
        "can_retry": all(can(permission) for permission in tasks.retry_permissions(task)),
        "attempt_status": _attempt_status,
        "on_loss": ON_LOSS.get(task.on_loss, task.on_loss),
    }


def _attempt_status(attempt: TaskAttempt) -> str:
    """Return the task status to show for an attempt; one without an end is running."""
    if attempt.outcome in set(TaskStatus) or attempt.ended_at:
        return attempt.outcome
    return TaskStatus.RUNNING


@bp.post("/<uuid>/cancel")
@allow(TASKS_MANAGE)
def cancel(uuid: str) -> ResponseReturnValue:
    """Cancel a task that is not running."""
    with flashed_errors(ConflictError):
        task = tasks.cancel_task(actor=actor(), uuid=uuid)
        flash(_("Task cancelled: %(title)s.", title=task_title(task)), "good")
    return redirect(_back(uuid))


@bp.post("/<uuid>/retry")
@allow(TASKS_MANAGE)
def retry(uuid: str) -> ResponseReturnValue:
    """Retry a task that ended or is parked."""
    with flashed_errors(ConflictError):
        task = tasks.retry_task(actor=actor(), uuid=uuid)
        flash(_("Task queued again: %(title)s.", title=task_title(task)), "good")
    return redirect(_back(uuid))


def _back(uuid: str) -> str:
    """Return the page the request came from if it is a staff page, else the task's page."""
    referrer = request.referrer or ""
    if referrer.startswith(request.host_url):
        return same_site("/" + referrer.removeprefix(request.host_url), "/admin")
    return url_for("admin.tasks.show", uuid=uuid)


BULK = {
    "retry": Bulk(
        "retry_tasks",
        _("Retry"),
        lambda number: _n("Retry %(num)s task", "Retry %(num)s tasks", number),
        _("These tasks will be retried:"),
    ),
    "cancel": Bulk(
        "cancel_tasks",
        _("Cancel"),
        lambda number: _n("Cancel %(num)s task", "Cancel %(num)s tasks", number),
        _("These tasks will not run:"),
        danger=True,
    ),
}


@bp.post("/bulk")
@allow(TASKS_MANAGE)
def bulk() -> ResponseReturnValue:
    """Retry or cancel several tasks."""
    return run(BULK, TASKS, url_for("admin.tasks.index"))
