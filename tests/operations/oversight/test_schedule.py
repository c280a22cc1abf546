"""Scheduled jobs of modules."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel, create_app
from puqpanel.domain.errors import ConflictError, NotFoundError, UserError
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.host.contract.timetable import Work
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import dismantle
from puqpanel.models import ScheduleEntry, Task
from puqpanel.operations.modules import lifecycle
from puqpanel.operations.oversight import schedule
from tests.sample import activate, write_module

STAFF = Principal(PrincipalKind.STAFF, None, "A test", permissions=frozenset({"*"}))
SOURCE = """
    from puqpanel.sdk import Plugin

    class Echo(Plugin):
        def scheduler(self):
            return [
                {{"name": "check", "method": "runChecks", "every": "5m", "timeout": 30}},
                {{"name": "nightly", "method": "nightly", "cron": "30 3 * * *"}},
                {extra}
            ]

        def runChecks(self):
            self.log_info("checked", self.task_data)
            return {{"status": "success"}}

        def nightly(self):
            return {{"status": "error", "message": "no report today"}}
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    write_module(tmp_path / "modules", SOURCE.format(extra=""), type="Plugin")
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def panel(app: Panel, settings: Settings) -> Iterator[Panel]:
    with app.app_context():
        activate(app, STAFF, type="Plugin")
        release()
    fresh = create_app(settings)
    with fresh.app_context():
        yield fresh
    dismantle(fresh)


def due(name: str = "check", ago: timedelta = timedelta(seconds=1)) -> ScheduleEntry:
    """Make an entry due and return its row."""
    with transaction() as current:
        row = current.scalars(sa.select(ScheduleEntry).where(ScheduleEntry.name == name)).one()
        row.due_at = now() - ago
    return row


def tasks() -> list[Task]:
    release()
    return list(
        session().scalars(
            sa.select(Task).order_by(Task.id).execution_options(populate_existing=True)
        )
    )


def test_due_entry_runs_once_and_shows_its_outcome(
    panel: Panel, drain: Callable[..., None]
) -> None:
    assert schedule.run_due() == 0 and tasks() == [], "a new entry waits for its first time"
    due("check", timedelta(days=3))
    assert schedule.run_due() == 1, "three days away are made up for once"
    assert schedule.run_due() == 0
    drain()
    (task,) = tasks()
    assert (task.status, task.title, task.timeout, [tag.tag for tag in task.tags]) == (
        "completed",
        "Echo: check",
        30,
        ["schedule", "schedule:check"],
    )
    due("nightly")
    schedule.run_due()
    drain()
    shown = {one.work.name: one for one in schedule.list_entries()}
    assert (
        shown["nightly"].task is not None and str(shown["nightly"].task.note) == "no report today"
    )
    row = shown["check"].row
    assert row is not None and timedelta(minutes=4) < row.due_at - now() <= timedelta(minutes=5)


def test_runs_do_not_pile_up(panel: Panel) -> None:
    schedule.run_due()
    for _ in range(4):
        due()
        schedule.run_due()
    assert len(tasks()) == 1
    assert due().skipped == 3


def test_concurrent_schedulers_start_one_run(panel: Panel) -> None:
    schedule.run_due()
    due()
    release()
    ready = threading.Barrier(4)

    def look() -> None:
        with panel.app_context():
            ready.wait()
            schedule.run_due()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tasks()) == 1


def test_staff_run_pause_and_resume(panel: Panel) -> None:
    with pytest.raises(NotFoundError):
        schedule.pause(actor=STAFF, module="Plugin/Echo", name="check", paused=True)
    schedule.run_now(actor=STAFF, module="Plugin/Echo", name="check")
    with pytest.raises(ConflictError, match="still running"):
        schedule.run_now(actor=STAFF, module="Plugin/Echo", name="check")
    schedule.run_due()
    schedule.pause(actor=STAFF, module="Plugin/Echo", name="nightly", paused=True)
    due("nightly")
    assert schedule.run_due() == 0
    schedule.pause(actor=STAFF, module="Plugin/Echo", name="nightly", paused=False)
    assert schedule.run_due() == 0, "what was due while it was paused is not made up for"
    with pytest.raises(NotFoundError):
        schedule.run_now(actor=STAFF, module="Plugin/Echo", name="nothing")


def test_changed_rule_reschedules_the_entry(panel: Panel) -> None:
    schedule.run_due()
    with transaction() as current:
        row = current.scalars(sa.select(ScheduleEntry).where(ScheduleEntry.name == "check")).one()
        row.shape, row.due_at = "every 86400 s", now() + timedelta(days=1)
    schedule._synced.clear()  # as another generation does
    schedule.run_due()
    release()
    assert session().scalars(
        sa.select(ScheduleEntry)
        .where(ScheduleEntry.name == "check")
        .execution_options(populate_existing=True)
    ).one().due_at < now() + timedelta(minutes=6)


def test_inactive_module_runs_no_scheduled_jobs(
    panel: Panel, settings: Settings, drain: Callable[..., None]
) -> None:
    schedule.run_due()
    due()
    schedule.run_due()
    lifecycle.deactivate(
        actor=STAFF, modules_dir=settings.modules_dir, module_type="Plugin", name="Echo"
    )
    drain()
    (task,) = tasks()
    assert task.status == "parked" and "not active" in str(task.note)
    fresh = create_app(settings)
    with fresh.app_context():
        assert schedule.run_due() == 0
    assert [entry for entry in schedule.list_entries() if entry.module is not None] == []
    dismantle(fresh)
    lifecycle.purge(
        actor=STAFF, modules_dir=settings.modules_dir, module_type="Plugin", name="Echo"
    )
    own = sa.select(ScheduleEntry).where(ScheduleEntry.module != "")
    assert session().scalars(own).all() == []


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (
            '{"name": "bad", "method": "nightly", "cron": "61 * * * *"}',
            "use five fields such as */5",
        ),
        ('{"name": "bad", "method": "nightly", "cron": "@daily"}', "use five fields"),
        ('{"name": "bad", "method": "nightly", "cron": "0 0 31 2 *"}', "which is never due"),
        ('{"name": "bad", "method": "nightly", "cron": "* * * * * *"}', "use five fields"),
        ('{"name": "bad", "method": "nightly"}', "needs either “cron” or “every”"),
        ('{"name": "bad", "method": "nightly", "every": 0}', "use seconds"),
        ('{"name": "bad", "method": "nightly", "every": "soon"}', "use seconds"),
        ('{"name": "bad", "method": "nightly", "every": 60, "timeout": -1}', "the timeout -1"),
        ('{"name": "bad", "method": "nothing", "every": 60}', "calls nothing()"),
        ('{"name": "check", "method": "nightly", "every": 60}', "declares “check” twice"),
        ('{"method": "nightly", "every": 60}', "has no “name”"),
        ("5", "list of dictionaries"),
    ],
)
def test_invalid_schedules_are_refused(
    panel: Panel, settings: Settings, entry: str, says: str
) -> None:
    write_module(
        settings.modules_dir,
        SOURCE.format(extra=entry).replace("class Echo", "class Bad"),
        type="Plugin",
        name="Bad",
    )
    with pytest.raises(UserError) as refusal:
        activate(panel, STAFF, "Bad", "Plugin")
    assert says in str(refusal.value)


def test_due_times_of_a_rule() -> None:
    moment = datetime(2026, 2, 28, 23, 50, tzinfo=UTC)
    assert Work("a", "b", cron="0 0 1 * *").after(moment) == datetime(2026, 3, 1, tzinfo=UTC)
    assert Work("a", "b", every=90).after(moment) == moment + timedelta(seconds=90)
