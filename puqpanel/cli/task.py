"""`puqpanel task`: task history, and export of tasks as tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from puqpanel.cli.context import instance_option, panel
from puqpanel.domain.errors import UserError
from puqpanel.domain.task_states import TaskStatus
from puqpanel.infra.db import session
from puqpanel.infra.processes import environment
from puqpanel.infra.settings import ROOT, Settings
from puqpanel.models import Task

EXPORTABLE = (TaskStatus.FAILED, TaskStatus.COMPLETED, TaskStatus.LOST)
REPLAY_SECONDS = 120.0
MIN_ID_LENGTH = 4
TEST = '''"""Replay {title}, which ended as {status} on {day}, with the recorded responses.

    pytest {file}
"""

from __future__ import annotations

from pathlib import Path

from puqpanel.sdk.testing.replay import replay

FOLDER = {folder}
CONVERSATION = Path(__file__).with_name("{conversation}")


def test_{name}_has_the_recorded_outcome() -> None:
    replayed = replay(CONVERSATION, FOLDER)
    assert replayed.unknown == (), "the module sent requests that were not recorded"
    assert (replayed.status, replayed.provision_status) == {ends!r}
    assert replayed.note == {note}
    assert replayed.asked == {asked}
'''


@click.group("task")
def command() -> None:
    """Inspect tasks and export them as tests.

    ID is the task id shown on the Tasks page, or the first characters of it if they are unique.
    """


@command.command("list")
@click.option(
    "--status",
    type=click.Choice([str(status) for status in TaskStatus]),
    help="Show only tasks with this status.",
)
@click.option("--module", metavar="NAME", help="Show only tasks of this module.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    metavar="N",
    help="Maximum number of tasks.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@instance_option
def list_(
    settings: Settings, *, status: str | None, module: str | None, limit: int, as_json: bool
) -> None:
    """List tasks, newest first."""
    with panel(settings):
        query = sa.select(Task).order_by(Task.id.desc()).limit(limit)
        if status:
            query = query.where(Task.status == status)
        if module:
            query = query.where(
                sa.or_(Task.module == module, Task.module.endswith(f"/{module}", autoescape=True))
            )
        rows = [_row(task) for task in session().scalars(query)]
    if as_json:
        click.echo(json.dumps(rows, indent=2, default=str))
        return
    if not rows:
        click.echo("No tasks.")
    for row in rows:
        line = f"{row['id']}  {row['status']:<9}  {row['title']}  {row['note']}"
        click.echo(line.rstrip())


@command.command("show")
@click.argument("task_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@instance_option
def show(settings: Settings, *, task_id: str, as_json: bool) -> None:
    """Show a task and its attempts."""
    with panel(settings):
        task = _find(task_id)
        row = _row(task)
        row["attempts"] = [
            {
                "number": attempt.number,
                "started_at": attempt.started_at.isoformat(),
                "ended_at": attempt.ended_at.isoformat() if attempt.ended_at else None,
                "outcome": attempt.outcome,
                "message": str(attempt.message),
            }
            for attempt in task.attempts
        ]
    if as_json:
        click.echo(json.dumps(row, indent=2, default=str))
        return
    for name, value in row.items():
        if name != "attempts":
            click.echo(f"{name + ':':<11} {value or '-'}")
    for attempt in row["attempts"]:
        outcome = attempt["outcome"] or "running"
        line = f"  attempt {attempt['number']}, {attempt['started_at']}: {outcome}"
        click.echo(f"{line} {attempt['message'] or ''}".rstrip())


@command.command("export")
@click.argument("task_id", metavar="ID")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="DIR",
    help="Directory to write to.  [default: current directory]",
)
@instance_option
def export(settings: Settings, *, task_id: str, folder: Path) -> None:
    """Export a finished task as a pytest test.

    Writes the recorded requests and responses, with secrets removed, and a test that replays them:
    it runs the module's job against a local server that gives the recorded responses, and asserts
    the recorded outcome. The test fails when the module behaves differently, for example after the
    bug that made the task fail is fixed.
    """
    from puqpanel.operations.oversight.conversations import conversation

    with panel(settings):
        task = _find(task_id)
        recording = conversation(task)
        title, ended_at = f"{task.title} of {task.module}", task.ended_at
        if task.status not in EXPORTABLE or ended_at is None:
            raise UserError(f"The task is {task.status}. Only finished tasks can be exported.")
        name = f"task_{task.uuid[:8]}"
    module = settings.modules_dir / recording["module"]
    folder.mkdir(parents=True, exist_ok=True)
    recording_path, test_path = folder / f"{name}.json", folder / f"test_{name}.py"
    for path in (recording_path, test_path):
        if path.exists():
            raise UserError(f"{path} already exists; nothing was written.")
    recording_path.write_text(
        json.dumps(recording, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    replayed = _replay(recording_path, module)
    recorded_task = recording["task"]
    expected = replayed or {
        "asked": [
            f"{exchange['method']} {exchange['path']}" for exchange in recording["exchanges"]
        ],
        "provision_status": (recording["service"] or {}).get("provision_status", ""),
    }
    in_module = folder.resolve() == (module / "tests").resolve()
    test = TEST.format(
        title=_in_docstring(title),
        status=recorded_task["status"],
        day=ended_at.date().isoformat(),
        file=test_path.name,
        name=name,
        conversation=recording_path.name,
        folder="Path(__file__).parents[1]" if in_module else f"Path({_literal(str(module))})",
        ends=(recorded_task["status"], expected["provision_status"]),
        note=_literal(recorded_task["note"]),
        asked=_tuple_literal(expected["asked"]),
    )
    test_path.write_text(test, encoding="utf-8")
    exchanges = len(recording["exchanges"])
    click.echo(f"Wrote {recording_path} with {exchanges} exchanges; secrets were removed.")
    click.echo(f"Wrote {test_path}.")
    if not exchanges:
        click.echo(
            "No exchanges were recorded. Only requests sent through puqpanel.sdk.http are recorded."
        )
    outcome = (replayed["status"], replayed["note"]) if replayed else None
    if outcome != (recorded_task["status"], recorded_task["note"]):
        shown = f"{outcome[0]}: {outcome[1]}" if outcome else "the replay raised an error"
        click.echo(
            f"The outcome differs from the recorded one ({shown}). The test fails until you change"
            " the module or the expected outcome."
        )


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _tuple_literal(texts: list[str]) -> str:
    if not texts:
        return "()"
    lines = "".join(f"\n        {_literal(text)}," for text in texts)
    return f"({lines}\n    )"


def _in_docstring(text: str) -> str:
    """Escape text so that it cannot end the docstring that contains it."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split())


def _replay(recording: Path, module: Path) -> dict[str, Any] | None:
    """Replay a recording in a subprocess and return the outcome, or None on an error."""
    command = [sys.executable, "-m", "puqpanel.sdk.testing.replay", str(recording), str(module)]
    env = environment({"PYTHONPATH": str(ROOT)}, without="PUQPANEL_")
    try:
        completed = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=REPLAY_SECONDS, check=False
        )
        replayed: dict[str, Any] = json.loads(completed.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        return None
    return replayed


def _find(task_id: str) -> Task:
    """Return the task with this id or id prefix, including its attempts.

    Raises:
        UserError: No task matches, or several do.
    """
    from puqpanel.operations.oversight.tasks import find_task

    if len(task_id) < MIN_ID_LENGTH:
        raise UserError(f"Enter at least the first {MIN_ID_LENGTH} characters of the task id.")
    matches = sa.select(Task.uuid).where(Task.uuid.startswith(task_id, autoescape=True)).limit(2)
    uuids = session().scalars(matches).all()
    if not uuids:
        raise UserError(f"No such task: {task_id}.")
    if len(uuids) > 1:
        raise UserError(f"Several tasks start with {task_id}. Enter more characters of the id.")
    return find_task(uuids[0])


def _row(task: Task) -> dict[str, Any]:
    return {
        "id": task.uuid,
        "title": task.title,
        "status": str(task.status),
        "module": task.module,
        "service": task.service_uuid,
        "note": str(task.note),
        "method": str(task.data.get("method") or ""),
        "attempt": task.attempt,
        "created_at": task.created_at.isoformat(),
    }
