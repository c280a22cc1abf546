"""From the schedule through a real worker to the hook of another module."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import ROOT, Settings
from puqpanel.models import ModuleLog, ScheduleEntry
from puqpanel.operations.oversight import schedule
from tests.modules.harness import STAFF
from tests.modules.plugins import active_plugin
from tests.modules.test_servermonitoring import MonitoringHarness, closed_port
from tests.sample import activate, write_module

LISTENER = """
    from puqpanel.sdk import Plugin

    class Pager(Plugin):
        def page(self, name, payload):
            self.log_info(name, {key: payload[key] for key in ("name", "target")})
"""
HOOKS = (
    'from puqpanel.sdk import Hook\n\nHOOKS = [Hook("monitoring.down", "page"),'
    ' Hook("monitoring.up", "page")]\n'
)


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Return settings of a panel with the plugin and a module that handles its events."""
    shutil.copytree(
        ROOT / "modules/Plugin/ServerMonitoring",
        tmp_path / "Plugin/ServerMonitoring",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    write_module(tmp_path, LISTENER, type="Plugin", name="Pager", files={"hooks.py": HOOKS})
    return replace(settings, modules_dir=tmp_path)


def test_outage_event_is_sent_once(
    settings: Settings, app: Panel, drain: Callable[..., None]
) -> None:
    with app.app_context():
        activate(app, STAFF, "Pager", "Plugin")
        release()
    with active_plugin(settings, app, "ServerMonitoring") as harness:
        watch = MonitoringHarness(harness)
        id = watch.check("port", "127.0.0.1", name="Mail", port=closed_port())

        def tick() -> None:
            schedule.run_due()
            with transaction() as current:
                current.execute(
                    sa.update(ScheduleEntry)
                    .where(ScheduleEntry.name == "Run checks")
                    .values(due_at=now() - timedelta(seconds=1))
                )
                current.execute(sa.update(watch.models.Check).values(next_at=now()))
            release()
            assert schedule.run_due() == 1
            release()
            drain()
            release()

        for _ in range(3):
            tick()
        assert [status for _, status in watch.results()] == [False] * 3
        assert (watch.row(id).state, len(watch.outages())) == ("down", 1)
        release()
        event_names = (
            session()
            .scalars(
                sa.select(ModuleLog.action).where(
                    ModuleLog.name == "Pager", ModuleLog.level == "info"
                )
            )
            .all()
        )
        assert event_names == ["monitoring.down"]
