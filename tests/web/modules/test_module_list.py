"""The list of modules: pages, search, filters, and what it costs with many of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.host import discover
from puqpanel.infra.db import session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import InstalledModule, Module
from puqpanel.operations.modules import installed, lifecycle, loading
from puqpanel.web import navigation
from puqpanel.web.admin.oversight import setup
from tests.sample import activate, write_module
from tests.web.conftest import Browser

URL = "/admin/modules/"
KILOBYTE = 1024
PAGE = """
from puqpanel.sdk import Plugin


class {name}(Plugin):
    def admin_permissions(self):
        return [{{"name": "View", "key": "view", "description": "x"}}]

    def admin_sidebar(self):
        return [{{"title": "{name} page", "link": "start", "permission": "view"}}]

    def admin_web_routes(self):
        route = {{"method": "get", "uri": "start", "permission": "view", "name": "start"}}
        return [{{**route, "controller": "{name}Controller@start"}}]
"""
CONTROLLER = """
from puqpanel.sdk import Controller


class {name}Controller(Controller):
    def start(self, request):
        return "<p>start</p>"
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return replace(settings, modules_dir=tmp_path / "modules")


def write(base: Path, name: str, type: str = "Plugin") -> None:
    write_module(
        base, f"from puqpanel.sdk import {type}\n\n\nclass {name}({type}):\n    pass\n",
        type=type, name=name,
    )  # fmt: skip


def scan(app: Panel) -> None:
    with app.app_context():
        loading.rescan(actor=AUTOMATION, modules_dir=app.settings.modules_dir)


def names(page: str) -> list[str]:
    return [part.partition("<")[0] for part in page.split('<span class="name">')[1:]]


def test_a_thousand_modules_fit_on_small_pages_with_few_folders_read(
    app: Panel,
    owner: Browser,
    counted: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[Path] = []
    look = discover.look

    def watched(folder: Path, *key: str) -> discover.Found:
        read.append(folder)
        return look(folder, *key)

    costs = []
    for count in (30, 1000):
        for number in range(count):
            write(app.settings.modules_dir, f"Module{number:04}")
        scan(app)
        with app.app_context(), transaction() as current:  # all fail, each with a reason
            known = set(current.scalars(sa.select(Module.name)))
            for row in current.scalars(sa.select(InstalledModule)):
                if row.name not in known:
                    values = {"type": row.type, "name": row.name, "version": "0.9"}
                    current.add(Module(**values, status="error", reason="It is broken. " * 10))
        with monkeypatch.context() as patch:
            patch.setattr(discover, "look", watched)
            read.clear()
            owner.get(URL)
            counted()
            read.clear()
            page = owner.get(URL)
        costs.append((len(page.data), len(counted()), len(read)))
        assert len(names(page.text)) == 25
    (_bytes, few, some), (size, many, all_read) = costs
    assert size < 150 * KILOBYTE
    assert (many, all_read) == (few, some)
    assert all_read <= 25 + 4
    assert page.text.count("failed to load.") == 3 and "More active modules" in page.text
    assert len(owner.get(f"{URL}?size=100").data) < 300 * KILOBYTE


def test_new_folders_are_listed_and_removed_ones_not(app: Panel, owner: Browser) -> None:
    base = app.settings.modules_dir
    assert "No modules installed" in owner.get(URL).text
    for number in range(installed.AT_ONCE + 5):
        write(base, f"Module{number:02}")
    assert "Some new modules are not listed yet." in owner.get(URL).text
    page = owner.get(f"{URL}?size=50").text
    assert len(names(page)) == installed.AT_ONCE + 5 and "not listed yet" not in page
    shutil.rmtree(base / "Plugin" / "Module00")
    assert "Module00" not in names(owner.get(URL).text)
    scan(app)
    with app.app_context():
        assert not session().scalar(
            sa.select(InstalledModule).where(InstalledModule.name == "Module00")
        )
    write(base, "Module00")
    assert "Module00" in names(owner.get(URL).text)


def test_an_active_module_without_its_folder_stays_listed(app: Panel, owner: Browser) -> None:
    base = app.settings.modules_dir
    write(base, "Gone")
    with app.app_context():
        activate(app, AUTOMATION, "Gone", "Plugin")
    owner.get(URL)
    shutil.rmtree(base / "Plugin" / "Gone")
    for _ in range(2):
        page = owner.get(f"{URL}?tab=attention").text
        assert "Its folder is missing." in page and names(page) == ["Gone"]
        scan(app)
    with app.app_context():
        lifecycle.deactivate(actor=AUTOMATION, modules_dir=base, module_type="Plugin", name="Gone")
    assert names(owner.get(URL).text) == []


def test_filters_search_and_sort(app: Panel, owner: Browser) -> None:
    base = app.settings.modules_dir
    for name, type in (("Zebra", "Product"), ("Alpha", "Payment"), ("Beta", "Plugin")):
        write(base, name, type)
    broken = write_module(base, "class Odd(:\n", type="Plugin", name="Odd")
    with app.app_context():
        activate(app, AUTOMATION, "Beta", "Plugin")
    scan(app)

    def shown(query: str) -> list[str]:
        return names(owner.get(f"{URL}?{query}").text)

    assert shown("") == ["Zebra", "Beta", "Odd", "Alpha"], "by type, then by name"
    assert shown("sort=name") == ["Alpha", "Beta", "Odd", "Zebra"]
    assert shown("sort=-name&type=Plugin") == ["Odd", "Beta"]
    assert shown("tab=active") == ["Beta"]
    assert shown("tab=inactive") == ["Zebra", "Alpha"]
    assert shown("tab=attention") == shown("status=error") == ["Odd"]
    assert shown("q=alp") == ["Alpha"]
    assert len(shown("q=a+test+module")) == 4, "their description"
    assert shown("q=nothing") == []
    assert "One filter was ignored." in owner.get(f"{URL}?type=Car").text
    csv = owner.get(f"{URL}?format=csv&sort=name").text.splitlines()
    assert csv[1].startswith("Alpha,Payment,Alpha,,inactive,0")
    (broken / "Odd.py").write_text("class Odd:\n    pass\n")
    scan(app)
    assert shown("tab=attention") == [], "the file was repaired"


def test_the_sidebar_holds_the_pages_of_some_modules_and_of_the_current_one(
    settings: Settings, app: Panel, owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(navigation, "MODULE_GROUPS", 2)
    kinds = ("One", "Two", "Three", "Four")
    for name in kinds:
        write_module(
            settings.modules_dir, PAGE.format(name=name), type="Plugin", name=name,
            files={f"controllers/{name}Controller.py": CONTROLLER.format(name=name)},
        )  # fmt: skip
        with app.app_context():
            activate(app, AUTOMATION, name, "Plugin")
    panel = Live(settings).ensure()
    try:
        browser = Browser(panel).sign_in("owner@panel.test")
        links = {name: f'href="/admin/modules/Plugin/{name}/start"' for name in sorted(kinds)}
        page = browser.get("/admin/").text
        assert [name for name, link in links.items() if link in page] == ["Four", "One"]
        assert "All modules" in page
        page = browser.get("/admin/modules/Plugin/Two/start").text
        assert [name for name, link in links.items() if link in page] == ["Four", "One", "Two"]
        assert links["Three"] in browser.get("/admin/search/?q=Three+page").text
        assert links["Three"] in browser.get(URL).text
    finally:
        dismantle(panel)


def test_the_setup_lists_some_modules(
    app: Panel, owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "MOST", 2)
    for name in ("One", "Two", "Three"):
        write(app.settings.modules_dir, name, "Product")
    page = owner.get("/admin/setup/modules").text
    assert page.count(">Activate") == 2 and "All modules" in page
    monkeypatch.undo()
    page = owner.get("/admin/setup/modules").text
    assert page.count(">Activate") == 3 and "All modules" not in page
