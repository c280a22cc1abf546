"""The app that a parent builds for the processes that it forks."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from puqpanel.cli import shared_app
from puqpanel.infra.settings import Settings
from puqpanel.live import Live
from tests.conftest import STAFF
from tests.sample import activate, write_module

PLUGIN = """
    {before}
    from puqpanel.sdk import Plugin

    class Echo(Plugin):
        pass
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    write_module(tmp_path / "modules", PLUGIN.format(before=""), type="Plugin")
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture(autouse=True)
def active(live: Live) -> None:
    app = live.ensure()
    with app.app_context():
        activate(app, STAFF, "Echo", "Plugin")


def in_fork(work: object) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        signal.alarm(60)
        try:
            code = int(work())  # type: ignore[operator]
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_forks_share_the_app(live: Live) -> None:
    assert shared_app.build(live)
    app = live.app
    assert app is not None and "Plugin/Echo" in app.registry.modules

    def child() -> int:
        shared_app.adopt(live)
        return 7 if live.ensure() is app else 1

    assert in_fork(child) == 7


@pytest.mark.parametrize(
    "before",
    [
        "import os; os._exit(0)",
        "import os; os.abort()",
        "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()",
    ],
)
def test_what_a_module_does_at_import_stays_out_of_the_parent(
    settings: Settings, before: str
) -> None:
    write_module(settings.modules_dir, PLUGIN.format(before=before), type="Plugin")
    fresh = Live(settings)
    assert not shared_app.build(fresh)
    assert fresh.app is None


def test_a_lock_that_a_thread_held_at_the_fork_is_free_in_the_child(live: Live) -> None:
    live.ensure()
    held, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with live._swapping:
            held.set()
            leave.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    live.app = None  # as after a change of modules: the child has to build

    def child() -> int:
        shared_app.adopt(live)
        return 7 if live.ensure() else 1

    try:
        assert in_fork(child) == 7
    finally:
        leave.set()
        thread.join()
