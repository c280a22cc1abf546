"""Health checks, each with the fault that it detects."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra import catalogs, crypto, queue
from puqpanel.infra.clock import now
from puqpanel.infra.db import engine_for, transaction
from puqpanel.infra.settings import Settings
from puqpanel.models import Heartbeat, Module, ScheduleEntry, Setting, Task
from puqpanel.operations.oversight import health, process_checks
from puqpanel.tasks import heartbeat
from puqpanel.web.navigation import attention


def states(settings: Settings) -> dict[str, str]:
    return {check.name: check.state for check in health.look(settings).checks}


def everybody(panel: Panel) -> None:
    heartbeat.beat("worker", "w1", panel.generation)
    heartbeat.beat("scheduler", "s1", panel.generation)


def test_all_checks_pass_with_current_heartbeats(panel: Panel, settings: Settings) -> None:
    everybody(panel)
    report = health.look(settings)
    assert report.ok, report.full()
    assert set(report.public()["checks"].values()) == {"ok"}
    assert panel.test_client().get("/health").status_code == 200


def test_public_report_contains_states_only(panel: Panel, settings: Settings) -> None:
    queue.use_server("redis://127.0.0.1:1/0")
    answer = panel.test_client().get("/health")
    assert answer.status_code == 503
    assert answer.json == {
        "status": "fail",
        "checks": {
            **dict.fromkeys(
                (
                    "database",
                    "migrations",
                    "keys",
                    "modules",
                    "jobs",
                    "products",
                    "differences",
                    "templates",
                    "taxes",
                    "books",
                    "payments",
                    "due_work",
                    "renewals",
                    "approvals",
                    "translations",
                    "disk",
                ),
                "ok",
            ),
            "queue": "fail",
            "workers": "fail",
            "schedule": "fail",
        },
    }
    assert str(settings.instance) not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "seconds", [process_checks.SILENT + 1, -process_checks.SILENT - 60, -10 * 365 * 86400]
)
def test_workers_without_heartbeat_count_as_stopped(
    panel: Panel, settings: Settings, seconds: int
) -> None:
    """Also those whose last heartbeat is in the future, because a clock was ahead."""
    everybody(panel)
    with transaction() as session:
        session.execute(
            sa.update(Heartbeat)
            .where(Heartbeat.kind == "worker")
            .values(at=now() - timedelta(seconds=seconds))
        )
    assert states(settings)["workers"] == "fail"
    assert states(settings)["schedule"] == "ok"
    assert attention().workers == 0


def test_a_paused_job_of_the_panel_is_a_warning(panel: Panel, settings: Settings) -> None:
    everybody(panel)
    with transaction() as session:
        for module, name in (("", "Prune tasks"), ("", "An earlier job"), ("Plugin/Echo", "Sweep")):
            session.add(ScheduleEntry(module=module, name=name, due_at=now(), paused=True))
    (check,) = health.look(settings, ["schedule"]).checks
    assert check.state == "warn"
    assert str(check.text) == "1 scheduled job of the panel is paused: Prune tasks."


def test_overdue_tasks_are_a_warning(panel: Panel, settings: Settings) -> None:
    everybody(panel)
    with transaction() as session:
        session.add(Task(job="ModuleJob", queue="Module", run_at=now() - timedelta(seconds=100)))
    report = health.look(settings, ["workers"])
    assert (report.checks[0].state, report.ok) == ("warn", True)
    assert "1 task is overdue" in str(report.checks[0].text)


def test_wrong_key_file_fails_and_is_named(panel: Panel, settings: Settings, tmp_path) -> None:
    other = dataclasses.replace(settings, instance=tmp_path)
    crypto.make_keys(other.keys_dir)
    try:
        check = health.look(other, ["keys"]).checks[0]
        assert check.state == "fail"
        assert str(crypto.key_file(other.keys_dir)) in f"{check.text} {check.remedy}"
    finally:
        crypto.use_keys(settings.keys_dir)


@pytest.mark.parametrize("revision, state", [("0001", "fail"), ("of_a_newer_version", "warn")])
def test_tables_of_another_version(
    panel: Panel, settings: Settings, revision: str, state: str
) -> None:
    with (
        engine_for(settings.database_url)
        .connect()
        .execution_options(panel_write=True) as connection,
        connection.begin(),
    ):
        connection.execute(sa.text(f"update alembic_version set version_num = '{revision}'"))
    found = states(settings)
    assert found["migrations"] == state
    assert found["workers"] == "fail"
    assert found["database"] == "ok"


def test_active_modules_that_do_not_work_are_named(panel: Panel, settings: Settings) -> None:
    with transaction() as session:
        session.add(Module(type="Plugin", name="Gone", status="error"))
        session.add(Module(type="Plugin", name="Open", status="active", circuit_open_reason="no"))
        session.add(Module(type="Plugin", name="Off", status="inactive"))
    (check,) = health.look(settings, ["modules"]).checks
    assert check.state == "warn"
    assert "Plugin/Gone, Plugin/Open." in str(check.text)


def test_unreachable_database_fails_dependent_checks(panel: Panel, settings: Settings) -> None:
    away = dataclasses.replace(
        settings, database_url="postgresql+psycopg://nobody@127.0.0.1:1/none"
    )
    found = states(away)
    assert [name for name, state in found.items() if state == "ok"] == [
        "queue",
        "translations",
        "disk",
    ]


def test_altered_canary_fails(panel: Panel, settings: Settings) -> None:
    with transaction() as session:
        session.execute(sa.update(Setting).values(value="gAAAAAaltered"))
    assert states(settings)["keys"] == "fail"


def test_a_translation_file_that_cannot_be_used_is_a_warning(settings: Settings) -> None:
    path = settings.instance / "translations" / "de" / catalogs.FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\0")
    (check,) = health.look(settings, ["translations"]).checks
    assert check.state == "warn"
    assert str(path) in str(check.text) and "not valid" in str(check.text)
    path.unlink()


def test_modules_whose_jobs_all_fail_are_named(panel: Panel, settings: Settings) -> None:
    def add(module: str, status: str, *, attempt: int = 1, age: int = 1) -> None:
        with transaction() as current:
            current.add(
                Task(
                    job="ModuleJob",
                    queue="Module",
                    module=module,
                    status=status,
                    attempt=attempt,
                    ended_at=None if status == "retrying" else now() - timedelta(minutes=age),
                )
            )

    for _number in range(3):
        add("Product/Away", "failed")
        add("Product/Slow", "retrying", attempt=3)
        add("Product/Mixed", "failed")
        add("Product/Earlier", "failed", age=90)
        add("Product/Waits", "retrying", attempt=1)
    add("Product/Mixed", "completed")
    (check,) = health.look(settings, ["jobs"]).checks
    assert check.state == "warn"
    assert "Product/Away, Product/Slow." in str(check.text)
    add("Product/Away", "completed")
    add("Product/Slow", "completed")
    (check,) = health.look(settings, ["jobs"]).checks
    assert check.state == "ok"


def test_a_stopping_process_deletes_heartbeats_of_the_future(panel: Panel) -> None:
    everybody(panel)
    with transaction() as session:
        session.execute(
            sa.update(Heartbeat)
            .where(Heartbeat.name == "w1")
            .values(at=now() + timedelta(seconds=heartbeat.EXPIRY_SECONDS + 60))
        )
    heartbeat.leave("s1")
    assert session.scalar(sa.select(sa.func.count(Heartbeat.id))) == 0
