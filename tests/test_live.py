"""The swap: a module is live or gone at the next request, whole; whatever it does at import,
the rest goes on.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import Client

from puqpanel.domain.actors import Actor
from puqpanel.domain.errors import UserError
from puqpanel.infra.db import release
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import Module
from puqpanel.operations.modules import module_list, modules
from tests.sample import write_module

STAFF = Actor("staff", None, "A test")
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


def put(folder: Path, name: str = "Hello", version: str = "1.0.0", source: str = PAGE) -> None:
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
    put(tmp_path / "modules")
    live = Live(replace(settings, modules_dir=tmp_path / "modules"))
    yield live
    assert live.app is not None
    dismantle(live.app)


def switch(live: Live, what: str, name: str = "Hello") -> None:
    with live.ensure().app_context():
        getattr(modules, what)(
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


def test_on_and_off_take_effect_at_the_next_request(panel: Live) -> None:
    another = Live(panel.settings)
    assert status(panel) == status(another) == 404
    switch(panel, "activate")
    assert status(panel) == status(another) == 302, "it asks to sign in"
    switch(panel, "deactivate")
    assert status(panel) == status(another) == 404
    assert panel.swaps == another.swaps == 3
    assert another.app is not None
    dismantle(another.app)


def test_a_changed_version_is_held_back_until_updated(panel: Live) -> None:
    switch(panel, "activate")
    assert routes(panel)
    put(panel.settings.modules_dir, version="1.1.0")
    with panel.ensure().app_context():
        assert modules.rescan(panel.settings.modules_dir) == 1
    with panel.ensure().app_context():
        [shown] = module_list.list_modules(panel.settings.modules_dir)
        assert (shown.status, shown.disk, shown.recorded) == (
            "restricted",
            "1.1.0",
            "1.0.0",
        ) and "1.1.0" in shown.reason
        assert modules.rescan(panel.settings.modules_dir) == 0
    switch(panel, "update")
    with panel.ensure().app_context():
        [shown] = module_list.list_modules(panel.settings.modules_dir)
        assert (shown.status, shown.recorded) == ("active", "1.1.0")
    put(panel.settings.modules_dir, version="1.0.5")
    with pytest.raises(UserError, match="older"):
        switch(panel, "update")


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
def test_a_module_that_breaks_on_disk_costs_itself_alone(panel: Live, source: str) -> None:
    put(panel.settings.modules_dir, "Other")
    switch(panel, "activate")
    switch(panel, "activate", "Other")
    put(panel.settings.modules_dir, source=source)
    with panel.ensure().app_context():
        modules.load_again(
            actor=STAFF, modules_dir=panel.settings.modules_dir, module_type="Plugin", name="Hello"
        )
    assert routes(panel) == {"/admin/modules/Plugin/Other/hello"}
    with panel.ensure().app_context():
        release()
        row = modules.find_module("Plugin", "Hello")
        assert row.status == "error" and row.reason.count("\n") == 0 and len(row.reason) > 10
    put(panel.settings.modules_dir)
    with panel.ensure().app_context():
        modules.load_again(
            actor=STAFF, modules_dir=panel.settings.modules_dir, module_type="Plugin", name="Hello"
        )
    assert len(routes(panel)) == 2


def test_a_refused_activation_changes_nothing(panel: Live) -> None:
    put(
        panel.settings.modules_dir,
        source=PAGE + "    def activate(self): return 'The licence is missing.'\n",
    )
    with pytest.raises(UserError, match="licence is missing"):
        switch(panel, "activate")
    assert routes(panel) == set()
    with panel.ensure().app_context():
        assert not modules.wanted()


def test_activating_twice_is_activating_once(panel: Live) -> None:
    switch(panel, "activate")
    switch(panel, "activate")
    with panel.ensure().app_context():
        assert modules.wanted() == [("Plugin", "Hello", "1.0.0")]
        rows = [row.key for row in modules.session().scalars(modules.sa.select(Module))]
    assert rows == ["Plugin/Hello"]


def test_many_swaps_leave_nothing_behind(panel: Live) -> None:
    def count() -> tuple[int, int]:
        gc.collect()
        return sum(isinstance(each, Flask) for each in gc.get_objects()), sum(
            name.startswith("puqmod_") for name in sys.modules
        )

    switch(panel, "activate")
    Client(panel).get("/")
    first = count()
    for _ in range(6):
        switch(panel, "deactivate")
        switch(panel, "activate")
        Client(panel).get("/")
    apps, imported = count()
    assert apps <= first[0] and imported <= first[1]


def test_an_exit_in_a_request_costs_that_request(panel: Live) -> None:
    app = panel.ensure()

    def leave() -> str:
        raise SystemExit(3)

    leave._public = True  # type: ignore[attr-defined]
    app.add_url_rule("/leave", "leave", leave)
    client = Client(panel)
    assert client.get("/leave").status_code == 500
    assert client.get("/health").status_code in (200, 503)


def test_an_edit_is_live_at_the_next_request_while_somebody_develops(
    settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "modules"
    put(folder)
    put(folder, name="Other")
    live = Live(replace(settings, modules_dir=folder, dev=True))
    for name in ("Hello", "Other"):
        switch(live, "activate", name)
    controller, said = (
        folder / "Plugin" / "Hello" / "controllers" / "HelloController.py",
        "from {} import x",
    )
    assert (status(live), status(live, "/admin/modules/Plugin/Other/hello")) == (302, 302)
    swaps = live.swaps
    assert status(live) == 302
    assert live.swaps == swaps
    # an edit is taken at once, one that cannot be read is shown and stops nobody else, and mending
    # it brings the module back
    (folder / "Plugin" / "Hello" / "Hello.py").write_text(
        PAGE.format(name="Hello").replace('"uri": "hello"', '"uri": "moved"')
    )
    assert (status(live), status(live, "/admin/modules/Plugin/Hello/moved")) == (404, 302)
    controller.write_text(said)
    assert (
        status(live, "/admin/modules/Plugin/Hello/moved"),
        status(live, "/admin/modules/Plugin/Other/hello"),
    ) == (404, 302)
    with live.ensure().app_context():
        row = modules.find_module("Plugin", "Hello")
        assert row.status == "error"
        assert "controllers/HelloController.py has a syntax error" in row.reason
        release()
    put(folder)
    assert status(live) == 302
    assert live.app is not None
    dismantle(live.app)


def test_nobody_looks_for_edits_in_production(panel: Live, tmp_path: Path) -> None:
    switch(panel, "activate")
    assert status(panel) == 302
    (tmp_path / "modules" / "Plugin" / "Hello" / "Hello.py").write_text("x = ")
    assert status(panel) == 302
    with panel.ensure().app_context():
        modules.load_again(
            actor=STAFF, modules_dir=panel.settings.modules_dir, module_type="Plugin", name="Hello"
        )
    assert status(panel) == 404
