"""The schedule page, and an open circuit breaker on the module list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel, create_app
from puqpanel.domain.principals import CLI
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import dismantle
from puqpanel.models import ScheduleEntry, Task
from puqpanel.operations.modules import breaker
from puqpanel.operations.oversight import schedule
from tests.sample import activate, write_module
from tests.web.conftest import Browser

SOURCE = """
    from puqpanel.sdk import Plugin, abort

    class Echo(Plugin):
        def scheduler(self):
            return [{"name": "<b>tick</b>"[3:7], "method": "tick", "every": 90}]
        def tick(self):
            return {"status": "success"}
        def admin_web_routes(self):
            return [{"method": "get", "uri": one, "name": one, "permission": "view", "controller": f"PageController@{one}"} for one in ("sound", "broken", "away")]
"""
PAGE = """
    from puqpanel.sdk import abort

    class PageController:
        def sound(self, request):
            return "<p>sound</p>"
        def broken(self, request):
            raise ValueError("no")
        def away(self, request):
            abort(404)
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    write_module(
        tmp_path / "modules", SOURCE, type="Plugin", files={"controllers/PageController.py": PAGE}
    )
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def app(app: Panel, settings: Settings) -> Iterator[Panel]:
    with app.app_context():
        activate(app, CLI, type="Plugin")
    fresh = create_app(settings)
    yield fresh
    dismantle(fresh)


def test_the_schedule_runs_pauses_and_resumes(
    app: Panel, owner: Browser, drain: Callable[..., None]
) -> None:
    page = owner.get("/admin/schedule/").text
    assert ("Every 90 seconds" in page, "Never" in page) == (True, True)
    entry = {"module": "Plugin/Echo", "name": "tick"}
    assert owner.post("/admin/schedule/run", entry).status_code == 302
    assert "“tick” queued." in owner.get("/admin/schedule/").text
    drain()
    assert "Completed" in owner.get("/admin/schedule/").text
    owner.post("/admin/schedule/pause", entry)
    assert ">Paused<" in owner.get("/admin/schedule/").text
    owner.post("/admin/schedule/resume", entry)
    with app.app_context():
        assert session().scalars(sa.select(ScheduleEntry.paused)).all() == [False]
    owner.post("/admin/schedule/run", {"module": "Plugin/Echo", "name": "nothing"})
    assert "This scheduled job no longer exists." in owner.get("/admin/schedule/").text


def test_the_schedule_requires_its_permissions(app: Panel, clerk: Browser) -> None:
    assert clerk.get("/admin/schedule/").status_code == 403
    assert (
        clerk.post("/admin/schedule/run", {"module": "Plugin/Echo", "name": "tick"}).status_code
        == 403
    )
    with app.app_context():
        assert session().scalars(sa.select(Task.id)).all() == []


def test_repeated_page_failures_open_the_breaker_but_keep_the_pages(
    app: Panel, owner: Browser
) -> None:
    base = "/admin/modules/Plugin/Echo"
    for _ in range(breaker.FAILURE_LIMIT):
        assert owner.get(f"{base}/broken").status_code == 500
        assert owner.get(f"{base}/away").status_code == 404
    page = owner.get("/admin/modules/").text
    assert (
        "Circuit breaker open" in page,
        "The circuit breaker of Echo is open." in page,
        "broken() failed with ValueError" in page,
    ) == (True, True, True)
    assert "The circuit breaker of its module is open" in owner.get("/admin/schedule/").text
    assert owner.get(f"{base}/sound").status_code == 200
    owner.post("/admin/schedule/run", {"module": "Plugin/Echo", "name": "tick"})
    page = owner.get("/admin/schedule/").text
    assert (
        "“tick” queued. The circuit breaker of Plugin/Echo is open." in page,
        "“tick” queued.</p>" in page,
    ) == (
        True,
        False,
    )
    assert owner.post("/admin/modules/switch/Plugin/Echo/resume").status_code == 302
    assert "and its tasks resumed." in owner.get("/admin/modules/").text
    owner.post("/admin/modules/switch/Plugin/Echo/resume")
    assert "nothing to resume" in owner.get("/admin/modules/").text


def test_the_panels_own_jobs_are_shown_run_and_hidden_among_tasks(
    app: Panel, owner: Browser, drain: Callable[..., None]
) -> None:
    page = owner.get("/admin/schedule/").text
    assert ("Prune tasks" in page, "Every 5 minutes" in page) == (True, True)
    owner.post("/admin/schedule/run", {"module": "", "name": "Prune tasks"})
    assert "“Prune tasks” queued." in owner.get("/admin/schedule/").text
    drain()
    assert "Completed" in owner.get("/admin/schedule/").text
    assert "Prune tasks" not in owner.get("/admin/tasks/").text
    assert "Prune tasks" in owner.get("/admin/tasks/?tab=scheduled").text


def test_completed_scheduled_runs_have_a_tab_of_their_own(
    app: Panel, owner: Browser, drain: Callable[..., None]
) -> None:
    with app.app_context():
        schedule.run_due()  # starts the interval
        with transaction() as current:
            current.execute(sa.update(ScheduleEntry).values(due_at=now()))
        schedule.run_due()
    pages = {tab: owner.get(f"/admin/tasks/?tab={tab}").text for tab in ("all", "scheduled")}
    assert ("Echo: tick" in pages["all"], "Echo: tick" in pages["scheduled"]) == (True, False)
    drain()
    for tab, shown in (("all", False), ("completed", False), ("scheduled", True)):
        assert ("Echo: tick" in owner.get(f"/admin/tasks/?tab={tab}").text) == shown, tab
    owner.post("/admin/schedule/run", {"module": "Plugin/Echo", "name": "tick"})
    drain()
    assert "Echo: tick" in owner.get("/admin/tasks/").text, "somebody wanted to see this run"
