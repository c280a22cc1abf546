"""Task export: the test passes as written, contains no secret, and fails if the module changes."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import UserError
from puqpanel.infra.db import session, transaction
from puqpanel.infra.settings import ROOT, Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import Task
from puqpanel.operations.oversight.conversations import STAND_IN, conversation, without_secrets
from puqpanel.operations.provisioning import requests
from tests.cli.running import environment, puqpanel
from tests.fakes.demo_cloud import DemoCloudServer
from tests.modules.test_mycloudservice import MyCloudHarness
from tests.sample import activate

PASSWORD = "k7-Qm2-secret-of-lumen"


@pytest.fixture
def house(settings: Settings, app: Panel, tmp_path: Path) -> Iterator[MyCloudHarness]:
    from tests.modules.harness import STAFF

    with app.app_context():
        activate(app, STAFF, "MyCloudService")
    panel = Live(replace(settings)).ensure()
    with panel.app_context(), DemoCloudServer(tmp_path / "cloud") as cloud:
        made = MyCloudHarness(panel, cloud)
        made.cloud = cloud  # type: ignore[attr-defined]
        yield made
    dismantle(panel)


def failed(
    house: MyCloudHarness, drain: Callable[..., None], fault: str, times: int = 100, **service: str
) -> Task:
    """Run a create that fails and return its task."""
    house.cloud.fail(fault, method="POST", times=times)  # type: ignore[attr-defined]
    uuid = house.add_default_service(**{"password": PASSWORD, **service})
    house.module.cls.job_options = {"create_job": {"tries": 1}}
    requests.request(actor=_staff(), service_uuid=uuid, verb="create")
    drain()
    task = (
        session()
        .scalars(
            sa.select(Task)
            .where(Task.about("service", uuid))
            .execution_options(populate_existing=True)
        )
        .one()
    )
    assert task.status == "failed", task.note
    return task


def _staff() -> Any:
    from tests.modules.harness import STAFF

    return STAFF


def export(settings: Settings, task: Task, folder: Path) -> tuple[Path, Path, str]:
    """Run the command; return the paths of the recording and the test, and the output."""
    process = puqpanel(
        settings.instance,
        "task",
        "export",
        task.uuid[:12],
        "--to",
        str(folder),
        PUQPANEL_DATABASE_URL=settings.database_url,
        PUQPANEL_REDIS_URL=settings.redis_url,
    )
    assert process.returncode == 0, process.stderr
    return (
        folder / f"task_{task.uuid[:8]}.json",
        folder / f"test_task_{task.uuid[:8]}.py",
        process.stdout,
    )


def pytest_of(file: Path) -> subprocess.CompletedProcess[str]:
    """Run an exported test with pytest."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            str(file),
        ],
        cwd=ROOT,
        env=environment(file.parent, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("fault", ["500", "drop", "garbage"])
def test_it_replays_as_written(
    house: MyCloudHarness,
    settings: Settings,
    drain: Callable[..., None],
    tmp_path: Path,
    fault: str,
) -> None:
    task = failed(house, drain, fault)
    path, test, output = export(settings, task, tmp_path / "out")
    assert "outcome differs" not in output
    recording = json.loads(path.read_text())
    assert [(exchange["method"], exchange["path"]) for exchange in recording["exchanges"]] == [
        ("GET", "/accounts/lumen"),
        ("POST", "/accounts"),
    ]
    assert "Demo cloud" in [
        row.get("name") for rows in recording["tables"].values() for row in rows
    ]
    run = pytest_of(test)
    assert run.returncode == 0, run.stdout


def test_it_holds_no_secret_and_is_not_overwritten(
    house: MyCloudHarness, settings: Settings, drain: Callable[..., None], tmp_path: Path
) -> None:
    task = failed(house, drain, "500")
    with transaction() as current:
        current.get_one(Task, task.id).title = 'Make """\nraise SystemExit(3)\n"""\\'
    recorded, test, _ = export(settings, task, tmp_path)
    first, *rest = ast.parse(test.read_text()).body
    assert isinstance(first, ast.Expr) and not any(
        isinstance(node, ast.Raise | ast.Expr) for node in rest
    ), "the title is code"
    text = recorded.read_text() + test.read_text()
    assert PASSWORD not in text
    assert house.cloud.token not in text  # type: ignore[attr-defined]
    assert "gAAAA" not in text
    assert json.loads(recorded.read_text())["service"]["service_data"]["password"] == STAND_IN
    test.write_text("mine")
    again = puqpanel(
        settings.instance,
        "task",
        "export",
        task.uuid,
        "--to",
        str(tmp_path),
        PUQPANEL_DATABASE_URL=settings.database_url,
    )
    assert again.returncode == 1
    assert "already exists; nothing was written" in again.stderr
    assert test.read_text() == "mine"


def test_it_fails_when_the_module_behaves_differently(
    house: MyCloudHarness, settings: Settings, drain: Callable[..., None], tmp_path: Path
) -> None:
    task = failed(house, drain, "500")
    _, test, _ = export(settings, task, tmp_path / "out")
    other = tmp_path / "modules" / "Product" / "MyCloudService"
    shutil.copytree(ROOT / "modules" / "Product" / "MyCloudService", other)
    main = other / "MyCloudService.py"
    before = test.read_text()
    test.write_text(re.sub(r'FOLDER = Path\(".*"\)', f'FOLDER = Path("{other}")', before))
    assert pytest_of(test).returncode == 0
    changed = main.read_text().replace("response.http_code == 404:", "response.http_code == 418:")
    main.write_text(changed)
    run = pytest_of(test)
    assert run.returncode == 1
    assert "failed" in run.stdout
    assert "Error" not in run.stderr


def test_list_and_show(
    house: MyCloudHarness, settings: Settings, drain: Callable[..., None]
) -> None:
    task = failed(house, drain, "500")
    env = {"PUQPANEL_DATABASE_URL": settings.database_url}
    rows = json.loads(
        puqpanel(
            settings.instance,
            "task",
            "list",
            "--status",
            "failed",
            "--module",
            "MyCloudService",
            "--json",
            **env,
        ).stdout
    )
    assert [(row["id"], row["method"], row["note"]) for row in rows] == [
        (task.uuid, "create_job", "The provider returned HTTP 500.")
    ]
    shown = puqpanel(settings.instance, "task", "show", task.uuid[:8], **env)
    assert "attempt 1" in shown.stdout
    assert PASSWORD not in shown.stdout
    assert "No such task: 0000" in puqpanel(settings.instance, "task", "show", "0000", **env).stderr


def test_only_module_jobs_can_be_exported(panel: Panel) -> None:
    with pytest.raises(UserError, match="only module jobs"):
        conversation(Task(job="BillingJob", module=""))


def test_secrets_are_removed_by_name_by_shape_and_inside_text() -> None:
    told = {
        "password": "abc",
        "note": "the word opensesame is known",
        "list": [{"api_key": 12345}],
        "auth": "Bearer abcdefghij",
        "token": "",
        "ok": True,
    }
    clean = without_secrets(told, ["opensesame"])
    assert clean == {
        "password": STAND_IN,
        "note": f"the word {STAND_IN} is known",
        "list": [{"api_key": STAND_IN}],
        "auth": f"Bearer {STAND_IN}",
        "token": "",
        "ok": True,
    }
