"""Swapping the app: activation takes effect at once, and broken modules affect only themselves."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import Client

from puqpanel import live as panel_live
from puqpanel.app import Panel
from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import AUTOMATION, Principal, PrincipalKind
from puqpanel.infra.db import release, session
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import Module
from puqpanel.operations.modules import generation, lifecycle, loading, module_list
from puqpanel.web import guard
from tests.sample import write_module

STAFF = Principal(PrincipalKind.STAFF, None, "A test", permissions=frozenset({"*"}))
PAGE = """
from puqpanel.sdk import Plugin

class {name}(Plugin):
    def admin_web_routes(self):
        return [{{"method": "get", "uri": "hello", "permission": "see", "name": "hello", "controller": "HelloController@hello"}}]
"""
CONTROLLER = """
class HelloController:
    def hello(self, request):
        return "hello from {version}"
"""


def install(folder: Path, name: str = "Hello", version: str = "1.0.0", source: str = PAGE) -> None:
    write_module(
        folder,
        source.format(name=name),
        type="Plugin",
        name=name,
        version=version,
        files={"controllers/HelloController.py": CONTROLLER.format(version=version)},
    )


@pytest.fixture
def panel(settings: Settings, tmp_path: Path) -> Iterator[Live]:
    install(tmp_path / "modules")
    live = Live(replace(settings, modules_dir=tmp_path / "modules"))
    yield live
    assert live.app is not None
    dismantle(live.app)


def change(live: Live, verb: str, name: str = "Hello") -> None:
    with live.ensure().app_context():
        getattr(lifecycle, verb)(
            actor=STAFF, modules_dir=live.settings.modules_dir, module_type="Plugin", name=name
        )


def status(live: Live, path: str = "/admin/modules/Plugin/Hello/hello") -> int:
    return Client(live).get(path).status_code


def routes(live: Live) -> set[str]:
    return {
        rule.rule
        for rule in live.ensure().url_map.iter_rules()
        if rule.rule.startswith("/admin/modules/Plugin")
    }


def test_activation_takes_effect_at_the_next_request(panel: Live) -> None:
    another = Live(panel.settings)
    assert status(panel) == status(another) == 404
    change(panel, "activate")
    assert status(panel) == status(another) == 302, "redirect to the sign-in page"
    change(panel, "deactivate")
    assert status(panel) == status(another) == 404
    assert panel.swaps == another.swaps == 3
    assert another.app is not None
    dismantle(another.app)


def test_a_changed_version_is_restricted_until_updated(panel: Live) -> None:
    change(panel, "activate")
    assert routes(panel)
    install(panel.settings.modules_dir, version="1.1.0")
    with panel.ensure().app_context():
        assert loading.rescan(actor=AUTOMATION, modules_dir=panel.settings.modules_dir) == 1
    with panel.ensure().app_context():
        [row] = module_list.list_modules(panel.settings.modules_dir)
        assert (row.status, row.disk, row.recorded) == (
            "restricted",
            "1.1.0",
            "1.0.0",
        ) and "1.1.0" in str(row.reason)
        assert loading.rescan(actor=AUTOMATION, modules_dir=panel.settings.modules_dir) == 0
    change(panel, "update")
    with panel.ensure().app_context():
        [row] = module_list.list_modules(panel.settings.modules_dir)
        assert (row.status, row.recorded) == ("active", "1.1.0")
    install(panel.settings.modules_dir, version="1.0.5")
    with pytest.raises(UserError, match="older"):
        change(panel, "update")


@pytest.mark.parametrize(
    "source",
    [
        "raise SystemExit(3)",
        "1/0",
        "import nothing_like_it",
        "def f(): return f()\nf()",
        "class {name}: pass",
        "x = (",
    ],
)
def test_a_broken_module_does_not_affect_others(panel: Live, source: str) -> None:
    install(panel.settings.modules_dir, "Other")
    change(panel, "activate")
    change(panel, "activate", "Other")
    install(panel.settings.modules_dir, source=source)
    with panel.ensure().app_context():
        loading.reload(
            actor=STAFF, modules_dir=panel.settings.modules_dir, module_type="Plugin", name="Hello"
        )
    assert routes(panel) == {"/admin/modules/Plugin/Other/hello"}
    with panel.ensure().app_context():
        release()
        row = module_list.find_module("Plugin", "Hello")
        assert (
            row.status == "error" and str(row.reason).count("\n") == 0 and len(str(row.reason)) > 10
        )
    install(panel.settings.modules_dir)
    with panel.ensure().app_context():
        loading.reload(
            actor=STAFF, modules_dir=panel.settings.modules_dir, module_type="Plugin", name="Hello"
        )
    assert len(routes(panel)) == 2


def test_a_refused_activation_changes_nothing(panel: Live) -> None:
    install(
        panel.settings.modules_dir,
        source=PAGE + "    def activate(self): return 'The licence is missing.'\n",
    )
    with pytest.raises(UserError, match="licence is missing"):
        change(panel, "activate")
    assert routes(panel) == set()
    with panel.ensure().app_context():
        assert not generation.wanted()


def test_activation_is_idempotent(panel: Live) -> None:
    change(panel, "activate")
    change(panel, "activate")
    with panel.ensure().app_context():
        assert generation.wanted() == [("Plugin", "Hello", "1.0.0")]
        rows = [row.key for row in session().scalars(sa.select(Module))]
    assert rows == ["Plugin/Hello"]


def test_swaps_release_old_apps_and_modules(panel: Live) -> None:
    def count() -> tuple[int, int]:
        gc.collect()
        return sum(isinstance(candidate, Flask) for candidate in gc.get_objects()), sum(
            name.startswith("puqmod_") for name in sys.modules
        )

    change(panel, "activate")
    panel.ensure()
    first = count()
    for _ in range(6):
        change(panel, "deactivate")
        change(panel, "activate")
        panel.ensure()
    apps, imported = count()
    assert apps <= first[0] and imported <= first[1]


def test_an_exit_fails_only_its_request(panel: Live) -> None:
    app = panel.ensure()

    @guard.public
    def exit_process() -> str:
        raise SystemExit(3)

    app.add_url_rule("/leave", "leave", exit_process)
    client = Client(panel)
    assert client.get("/leave").status_code == 500
    assert client.get("/health").status_code in (200, 503)


def test_edits_take_effect_at_the_next_request_in_dev_mode(
    settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "modules"
    install(folder)
    install(folder, name="Other")
    live = Live(replace(settings, modules_dir=folder, dev=True))
    for name in ("Hello", "Other"):
        change(live, "activate", name)
    controller = folder / "Plugin" / "Hello" / "controllers" / "HelloController.py"
    assert (status(live), status(live, "/admin/modules/Plugin/Other/hello")) == (302, 302)
    swaps = live.swaps
    assert status(live) == 302
    assert live.swaps == swaps
    # A valid edit takes effect; an invalid one is reported without affecting other modules; a fix
    # restores the module.
    (folder / "Plugin" / "Hello" / "Hello.py").write_text(
        PAGE.format(name="Hello").replace('"uri": "hello"', '"uri": "moved"')
    )
    assert (status(live), status(live, "/admin/modules/Plugin/Hello/moved")) == (404, 302)
    controller.write_text("from {} import x")
    assert (
        status(live, "/admin/modules/Plugin/Hello/moved"),
        status(live, "/admin/modules/Plugin/Other/hello"),
    ) == (404, 302)
    with live.ensure().app_context():
        row = module_list.find_module("Plugin", "Hello")
        assert row.status == "error"
        assert "controllers/HelloController.py has a syntax error" in str(row.reason)
        release()
    install(folder)
    assert status(live) == 302
    assert live.app is not None
    dismantle(live.app)


def test_a_fixed_template_restores_a_module_that_did_not_load(
    settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "modules"
    install(folder)
    live = Live(replace(settings, modules_dir=folder, dev=True))
    change(live, "activate")
    hello = folder / "Plugin" / "Hello"
    template = hello / "views" / "page.html"
    template.parent.mkdir()
    template.write_text("<p>fine</p>")
    assert status(live) == 302
    template.write_text("{% endfor %}")
    assert status(live) == 302
    (hello / "Hello.py").write_text(PAGE.format(name="Hello") + "# edited\n")
    assert status(live) == 404
    swaps = live.swaps
    assert status(live) == 404
    assert live.swaps == swaps, "nothing was edited"
    template.write_text("<p>fixed</p>")
    assert status(live) == 302
    template.write_text("<p>edited</p>")
    swaps = live.swaps
    assert status(live) == 302
    assert live.swaps == swaps, "templates are read again without a new app"
    assert live.app is not None
    dismantle(live.app)


def test_edits_are_not_detected_in_production(panel: Live, tmp_path: Path) -> None:
    change(panel, "activate")
    assert status(panel) == 302
    (tmp_path / "modules" / "Plugin" / "Hello" / "Hello.py").write_text("x = ")
    assert status(panel) == 302
    with panel.ensure().app_context():
        loading.reload(
            actor=STAFF, modules_dir=panel.settings.modules_dir, module_type="Plugin", name="Hello"
        )
    assert status(panel) == 404


def test_pages_do_not_wait_for_a_slow_build_except_those_of_modules(
    panel: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(panel, "activate")
    assert status(panel) == 302
    finish = threading.Event()
    build = panel_live.create_app

    def slow(settings: Settings, *, pages: bool) -> Panel:
        assert finish.wait(30)
        return build(settings, pages=pages)

    monkeypatch.setattr(panel_live, "create_app", slow)
    monkeypatch.setattr(panel_live, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(panel_live, "MODULE_WAIT_SECONDS", 0.2)
    held = panel.app
    assert held is not None
    change(panel, "deactivate")
    assert status(panel, "/admin/signin") == 200
    assert status(panel) == 503
    finish.set()
    monkeypatch.setattr(panel_live, "MODULE_WAIT_SECONDS", 30)
    assert status(panel) == 404
    assert panel.app is not held


def test_a_failed_build_fails_only_requests_that_need_it(
    panel: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(panel, "activate")
    assert status(panel) == 302
    change(panel, "deactivate")
    with monkeypatch.context() as patch:
        patch.setattr(panel_live, "create_app", lambda settings, pages: 1 / 0)
        assert status(panel, "/admin/signin") == 200
        with pytest.raises(ZeroDivisionError):
            status(panel)
    assert status(panel) == 404
