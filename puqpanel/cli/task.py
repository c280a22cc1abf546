"""`puqpanel task`: what was done and how it went, and a failed task as a test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from puqpanel.cli.context import instance_option, panel
from puqpanel.domain.errors import UserError
from puqpanel.domain.task_states import TaskStatus
from puqpanel.infra.processes import environment
from puqpanel.infra.settings import ROOT, Settings

if TYPE_CHECKING:
    from puqpanel.models import Task

TEST = '''"""{title}, which ended as {status} on {day}: what the provider said then, said again.

    pytest {file}
"""

from __future__ import annotations

from pathlib import Path

from puqpanel.sdk.testing.replay import replay

FOLDER = {folder}
CONVERSATION = Path(__file__).with_name("{conversation}")


def test_{name}_ends_as_it_did() -> None:
    seen = replay(CONVERSATION, FOLDER)
    assert seen.unknown == (), "the module asks what it did not ask then"
    assert (seen.status, seen.provision_status) == {ends!r}
    assert seen.note == {note}
    assert seen.asked == {asked}
'''


@click.group("task")
def command() -> None:
    """Tasks: see how they went, and export a failed one as a test.

    A task is named by its id, as the Tasks page shows it; the first characters will do where they
    are unique.
    """


@command.command("list")
@click.option("--status", type=click.Choice([str(one) for one in TaskStatus]), help="Only those.")
@click.option("--module", metavar="NAME", help="Only those of a module.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    metavar="N",
    help="How many, the newest first.",
)
@click.option("--json", "as_json", is_flag=True, help="As a JSON list.")
@instance_option
def list_(
    settings: Settings, *, status: str | None, module: str | None, limit: int, as_json: bool
) -> None:
    """Show the newest tasks."""
    import sqlalchemy as sa

    from puqpanel.infra.db import session
    from puqpanel.models import Task

    with panel(settings):
        query = sa.select(Task).order_by(Task.id.desc()).limit(limit)
        query = query.where(Task.status == status) if status else query
        query = (
            query.where(sa.or_(Task.module == module, Task.module.endswith(f"/{module}")))
            if module
            else query
        )
        rows = [_row(task) for task in session().scalars(query)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo("No tasks.")
    for row in rows:
        click.echo(
            f"{row['id']}  {row['status']:<9}  {row['title']}"
            + (f"  {row['note']}" if row["note"] else "")
        )


@command.command("show")
@click.argument("task_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@instance_option
def show(settings: Settings, *, task_id: str, as_json: bool) -> None:
    """Show one task with its attempts."""
    with panel(settings):
        task = _find(task_id)
        row = _row(task)
        row["attempts"] = [
            {
                "number": one.number,
                "started_at": one.started_at.isoformat(),
                "ended_at": one.ended_at.isoformat() if one.ended_at else None,
                "outcome": one.outcome,
                "message": one.message,
            }
            for one in task.attempts
        ]
    if as_json:
        click.echo(json.dumps(row, indent=2))
        return
    for name, value in row.items():
        if name != "attempts":
            click.echo(f"{name + ':':<10} {value or '-'}")
    for one in row["attempts"]:
        click.echo(
            f"  attempt {one['number']}, {one['started_at']}: {one['outcome'] or 'running'}"
            + (f" {one['message']}" if one["message"] else "")
        )


@command.command("export")
@click.argument("task_id", metavar="ID")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="DIR",
    help="Where to.  [default: here]",
)
@instance_option
def export(settings: Settings, *, task_id: str, folder: Path) -> None:
    """Write a task as a test: what the provider said, without secrets, and a pytest file that has
    it said again.

    The test runs the module's job in a lab, against a server that answers as the provider did, and
    asserts that it ends as it did. It fails when the module behaves differently; where the task
    failed by a fault of the module's, that is when it is mended.
    """
    from puqpanel.operations.oversight.conversations import conversation

    with panel(settings):
        task = _find(task_id)
        said = conversation(task)
        title, ended = f"{task.title} of {task.module}", task.ended_at
        if (
            task.status not in (TaskStatus.FAILED, TaskStatus.COMPLETED, TaskStatus.LOST)
            or ended is None
        ):
            raise UserError(f"The task is {task.status}; it can be exported when it has ended.")
        name = f"task_{task.uuid[:8]}"
    module = settings.modules_dir / said["module"]
    folder.mkdir(parents=True, exist_ok=True)
    recorded, test = folder / f"{name}.json", folder / f"test_{name}.py"
    for path in (recorded, test):
        if path.exists():
            raise UserError(f"{path} is there already; nothing was written.")
    recorded.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    seen = _replayed(recorded, module)
    then = said["task"]
    if seen is None:
        asked, after = (
            tuple(f"{one['method']} {one['path']}" for one in said["exchanges"]),
            (said["service"] or {}).get("provision_status", ""),
        )
    else:
        asked, after = tuple(seen["asked"]), seen["provision_status"]
    inside = folder.resolve() == (module / "tests").resolve()
    words = {
        "title": _in_docstring(title),
        "status": then["status"],
        "day": ended.date().isoformat(),
        "file": test.name,
        "name": name,
        "conversation": recorded.name,
        "folder": (
            "Path(__file__).parents[1]"
            if inside
            else f"Path({json.dumps(str(module), ensure_ascii=False)})"
        ),
        "ends": (then["status"], after),
        "note": json.dumps(then["note"], ensure_ascii=False),
        "asked": (
            "("
            + "".join(f"\n        {json.dumps(one, ensure_ascii=False)}," for one in asked)
            + ("\n    )" if asked else ")")
        ),
    }
    test.write_text(TEST.format(**words), encoding="utf-8")
    click.echo(
        f"{recorded}: {len(said['exchanges'])} requests and answers, without secrets.\n{test}"
    )
    if not said["exchanges"]:
        click.echo(
            "Nothing of a provider is in its log: only requests through puqpanel.sdk.http are"
            " written down."
        )
    if seen is None or (seen["status"], seen["note"]) != (then["status"], then["note"]):
        ends = f"{seen['status']}: {seen['note']}" if seen else "with an error of its own"
        click.echo(
            f"Had again now it ends otherwise ({ends}). The test fails until the module does as it"
            " did; or change what the test expects."
        )


def _in_docstring(text: str) -> str:
    """A title that others worded, as words: nothing of it ends the text that it stands in."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split())


def _replayed(recorded: Path, module: Path) -> dict[str, Any] | None:
    """What having it again gives now, in a process of its own; None where that fails."""
    command = [sys.executable, "-m", "puqpanel.sdk.testing.replay", str(recorded), str(module)]
    env = environment({"PYTHONPATH": str(ROOT)}, without="PUQPANEL_")
    try:
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=120, check=False
        )
        seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        return None
    return seen


def _find(task_id: str) -> Task:
    """The task that is meant, with its attempts.

    Raises:
        UserError: there is none, or there are several.
    """
    import sqlalchemy as sa

    from puqpanel.infra.db import session
    from puqpanel.models import Task
    from puqpanel.operations.oversight.tasks import find_task

    if len(task_id) < 4:
        raise UserError("Name at least the first four characters of the task's id.")
    found = (
        session()
        .scalars(
            sa.select(Task.uuid).where(Task.uuid.startswith(task_id, autoescape=True)).limit(2)
        )
        .all()
    )
    if len(found) != 1:
        raise UserError(
            f"There {'are several tasks' if found else 'is no task'}"
            f" {task_id}{'…; write more of it' if found else ''}."
        )
    return find_task(found[0])


def _row(task: Task) -> dict[str, Any]:
    return {
        "id": task.uuid,
        "title": task.title,
        "status": str(task.status),
        "module": task.module,
        "service": task.service_uuid,
        "note": task.note,
        "method": str(task.data.get("method") or ""),
        "attempt": task.attempt,
        "created_at": task.created_at.isoformat(),
    }
