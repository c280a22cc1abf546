"""Tasks: what is under way, what went wrong, and what may be done about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.errors import ConflictError, InProgressError
from puqpanel.domain.task_states import OPEN, TaskStatus
from puqpanel.infra.db import session
from puqpanel.infra.redact import redact
from puqpanel.models import Service, Task, TaskTag
from puqpanel.operations.oversight import tasks
from puqpanel.web.admin.provisioning.bulk import Bulk, run
from puqpanel.web.answers import same_site
from puqpanel.web.exports import csv_answer, csv_wanted
from puqpanel.web.guard import actor, allow
from puqpanel.web.list_page import Tab
from puqpanel.web.lists import Column, Filter, Listing, Sort

bp = Blueprint("tasks", __name__, url_prefix="/tasks")

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
    Task.actor_name,
    Task.module,
    Task.service_uuid,
    Task.queue,
    Task.id,
)


def open_among(rows: Iterable[Any]) -> bool:
    """Whether one of some task rows has not ended; a parked one waits for a person and changes
    nothing by itself.
    """
    return any(row.status in OPEN and row.status != TaskStatus.PARKED for row in rows)


TASKS = Listing(
    sa.select(*ROW, Service.name.label("service"))
    .select_from(Task)
    .outerjoin(Service, Service.uuid == Task.service_uuid),
    key=Task.id,
    sorts={"new": Sort(Task.id, descending=True)},
    tabs={
        "all": Tab("All"),
        "open": Tab("Open", Task.status.in_(sorted(OPEN))),
        "failed": Tab("Failed", Task.status == TaskStatus.FAILED),
        "lost": Tab("Lost", Task.status == TaskStatus.LOST),
        "completed": Tab("Completed", Task.status == TaskStatus.COMPLETED),
        "cancelled": Tab("Cancelled", Task.status == TaskStatus.CANCELLED),
    },
    filters={
        "tag": Filter(
            "Tag",
            lambda text: Task.id.in_(sa.select(TaskTag.task_id).where(TaskTag.tag == text)),
            kind="text",
        ),
        "module": Filter("Module", lambda text: Task.module == text, kind="text"),
        "job": Filter("Job", lambda text: Task.job == text, kind="text"),
    },
    search=lambda text: sa.or_(
        Task.title.icontains(text, autoescape=True),
        Service.name.icontains(text, autoescape=True),
        Task.uuid == text,
        Task.service_uuid == text,
    ),
    columns=(
        Column("Task", lambda row: row.title or row.job),
        Column("Job", lambda row: row.job),
        Column("Status", lambda row: row.status),
        Column("Module", lambda row: row.module),
        Column("Service", lambda row: row.service or ""),
        Column("Service ID", lambda row: row.service_uuid),
        Column("Attempt", lambda row: row.attempt),
        Column("Tries", lambda row: row.tries),
        Column("Created", lambda row: row.created_at),
        Column("Started", lambda row: row.started_at),
        Column("Ended", lambda row: row.ended_at),
        Column("By", lambda row: row.actor_name),
        Column("Note", lambda row: row.note),
        Column("UUID", lambda row: row.uuid),
    ),
    noun="tasks",
    placeholder="Title, service or ID",
)


@bp.get("/")
@allow("tasks.view")
def index() -> ResponseReturnValue:
    """The list; it asks for itself again while something on it has not ended."""
    if csv_wanted():
        return csv_answer(TASKS, "tasks")
    page = TASKS.page(session(), request.path, request.args)
    return render_template(
        "admin/oversight/tasks/index.html", list=page, busy=open_among(page.rows)
    )


@bp.get("/<uuid>")
@allow("tasks.view")
def show(uuid: str) -> ResponseReturnValue:
    """One task: input, attempts with output, and the module-log rows of each."""
    return render_template("admin/oversight/tasks/show.html", **_state(uuid))


@bp.get("/<uuid>/live")
@allow("tasks.view")
def live(uuid: str) -> ResponseReturnValue:
    """The facts and attempts alone, asked for while it runs; then the whole page once more."""
    state = _state(uuid)
    answer = render_template("admin/oversight/tasks/_live.html", **state)
    return answer if state["busy"] else (answer, {"HX-Refresh": "true"})


def _state(uuid: str) -> dict[str, Any]:
    task = tasks.find_task(uuid)
    name = (
        session().scalar(sa.select(Service.name).where(Service.uuid == task.service_uuid))
        if task.service_uuid
        else None
    )
    given = {key: value for key, value in task.data.items() if key != "module"}
    return {
        "task": task,
        "service_name": name,
        "given": redact(given),
        "log": tasks.log_of(task),
        "busy": open_among([task]),
    }


@bp.post("/<uuid>/cancel")
@allow("tasks.manage")
def cancel(uuid: str) -> ResponseReturnValue:
    """Ends a task that waits."""
    try:
        flash(
            f"{tasks.cancel_task(actor=actor(), uuid=uuid).title or 'The task'} was cancelled.",
            "good",
        )
    except ConflictError as error:
        flash(str(error), "bad")
    return redirect(_back(uuid))


@bp.post("/<uuid>/retry")
@allow("tasks.manage")
def retry(uuid: str) -> ResponseReturnValue:
    """Lets an ended task go again."""
    try:
        flash(
            f"{tasks.retry_task(actor=actor(), uuid=uuid).title or 'The task'} was started again.",
            "good",
        )
    except InProgressError as error:
        flash(str(error), "busy")
    except ConflictError as error:
        flash(str(error), "bad")
    return redirect(_back(uuid))


def _back(uuid: str) -> str:
    """Where the button was pressed, as far as the browser says and it is in this area; else the
    task's own page.
    """
    came = request.referrer or ""
    if came.startswith(request.host_url):
        return same_site("/" + came.removeprefix(request.host_url), "/admin")
    return url_for("admin.tasks.show", uuid=uuid)


def _names(uuids: Sequence[str]) -> Iterable[tuple[str, str]]:
    rows = session().execute(sa.select(Task.uuid, Task.title, Task.job).where(Task.uuid.in_(uuids)))
    return [(row.uuid, row.title or row.job) for row in rows]


BULK = {
    "retry": Bulk(
        "tasks.manage",
        "Retry",
        "started again",
        lambda uuid: tasks.retry_task(actor=actor(), uuid=uuid),
        "These go again:",
    ),
    "cancel": Bulk(
        "tasks.manage",
        "Cancel",
        "cancelled",
        lambda uuid: tasks.cancel_task(actor=actor(), uuid=uuid),
        "These will not run:",
        danger=True,
    ),
}


@bp.post("/bulk")
@allow("tasks.manage")
def bulk() -> ResponseReturnValue:
    """The bulk bar of the list."""
    return run(BULK, _names, "task", "tasks", url_for("admin.tasks.index"))
