"""Templates of modules: their own folder and nothing else, escaped, with the panel's macros
beside them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from jinja2 import DictLoader, TemplateNotFound

from puqpanel.domain.principals import CLI
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.host import views
from puqpanel.host.loader import load_module
from puqpanel.infra.db import session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import ModuleLog
from puqpanel.operations.accounts import staff
from puqpanel.operations.modules import lifecycle
from puqpanel.operations.provisioning.services import find_service
from tests.conftest import STAFF
from tests.sample import PASSWORD, make_service, write_module
from tests.sdk.test_guide import Person


@pytest.fixture(autouse=True)
def lent(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the panel lends is the process's: each test has its own copy."""
    monkeypatch.setattr(views, "_panel", views._panel)


SOURCE = "from puqpanel.sdk import Plugin\n\n\nclass Echo(Plugin):\n    pass\n"


@pytest.fixture
def echo(tmp_path: Path) -> Any:
    files = {
        "views/admin_area/page.html": (
            "<p>{{ text }}</p>{% include 'admin_area/part.html' %}{{ module.config('name') }}{{"
            " __('x') }}"
        ),
        "views/admin_area/part.html": "[part]",
        "views/admin_area/macros.html": (
            '{% from "panel/macros/forms.html" import field %}{{ field("<a>") }}'
        ),
        "views/admin_area/loop.html": "{% include 'admin_area/loop.html' %}",
        "secret.html": "secret",
    }
    folder = write_module(tmp_path, SOURCE, type="Plugin", files=files)
    (folder / "views/link.html").symlink_to(folder / "secret.html")
    return load_module(folder, "Plugin", "Echo").cls()


def test_dots_are_folders_and_text_is_escaped(echo: Any) -> None:
    for name in ("admin_area.page", "admin_area/page", "admin_area/page.html"):
        assert echo.view(name, {"text": "<b>"}) == "<p>&lt;b&gt;</p>[part]Echox"


OUT = "and cannot leave it"


@pytest.mark.parametrize(
    "name",
    ["../config", "../secret", "/etc/passwd", "link", "C:\\x", "admin_area/../../secret", "~/x"],
)
def test_no_way_out(echo: Any, name: str) -> None:
    with pytest.raises(TemplateNotFound, match=OUT) as caught:
        echo.view(name)
    assert str(caught.value).startswith("Plugin/Echo has no template “")


@pytest.mark.parametrize(
    "name",
    [
        "admin_area.nothing",
        "",
        ".",
        "admin_area.\x00page",
        "admin_area//page",
        "\udcff",
        "x" * 5000,
    ],
)
def test_what_is_not_there(echo: Any, name: str) -> None:
    with pytest.raises(TemplateNotFound, match="has no template") as caught:
        echo.view(name)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("verb", ["include", "extends", "import", "from"])
@pytest.mark.parametrize(
    "target",
    [
        "../../config.py",
        "../secret.html",
        "/etc/passwd",
        "link.html",
        "linked/Other.py",
        "../../../Product/Other/views/page.html",
        "Product/Other/views/page.html",
        "panel/../../config.py",
    ],
)
def test_no_way_out_from_a_template(echo: Any, verb: str, target: str) -> None:
    other = write_module(
        echo.module_folder.parents[1],
        SOURCE.replace("Echo", "Other"),
        name="Other",
        files={"views/page.html": "theirs"},
    )
    (echo.module_folder / "views/linked").symlink_to(other)
    views.install(DictLoader({}))
    tags = {
        "include": "{% include '%s' %}",
        "extends": "{% extends '%s' %}",
        "import": "{% import '%s' as x %}",
        "from": "{% from '%s' import x %}",
    }
    (echo.module_folder / "views/try.html").write_text(tags[verb].replace("%s", target))
    with pytest.raises(TemplateNotFound) as caught:
        echo.view("try")
    if not target.startswith(("panel/", "Product/")):
        assert OUT in str(caught.value)
    assert echo.view("admin_area.part") == "[part]"


def test_views_that_are_a_link(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/page.html").write_text("outside")
    folder = write_module(tmp_path / "modules", SOURCE, type="Plugin")
    (folder / "views").symlink_to(tmp_path / "outside")
    echo: Any = load_module(folder, "Plugin", "Echo").cls()
    with pytest.raises(TemplateNotFound, match=OUT):
        echo.view("page")


def test_the_panels_macros(echo: Any) -> None:
    views.install(None)
    with pytest.raises(TemplateNotFound, match="cannot be rendered in a worker"):
        echo.view("admin_area.macros")
    macros = {
        "macros/forms.html": (
            '{% import "macros/page.html" as page %}{% macro field(f) %}{{ page.star() }}{{ f }}{%'
            " endmacro %}"
        ),
        "macros/page.html": "{% macro star() %}*{% endmacro %}",
    }
    views.install(DictLoader(macros), {"lent": 1})
    fresh: Any = load_module(echo.module_folder, "Plugin", "Echo").cls()
    assert fresh.view("admin_area.macros") == "*&lt;a&gt;"
    assert views.environment(fresh.module_folder).globals["lent"] == 1


def test_an_edited_template_is_seen(echo: Any) -> None:
    echo.view("admin_area.part")
    path = echo.module_folder / "views/admin_area/part.html"
    path.write_text("[new!]")
    assert echo.view("admin_area.part") == "[new!]"


PAGES = """
from puqpanel.sdk import Product


class Echo(Product):
    def admin_web_routes(self):
        return [{"method": "get", "uri": uri, "permission": "see", "name": uri, "controller": f"EchoController@{uri}"} for uri in ("fine", "out")]

    def get_client_area_menu_config(self):
        return {"fine": {"name": "Fine", "template": "fine"}, "out": {"name": "Out", "template": "out"}}
"""
CONTROLLER = """
from puqpanel.sdk import view_admin_module


class EchoController:
    def fine(self, request):
        return view_admin_module("Product", "Echo", "fine")

    def out(self, request):
        return view_admin_module("Product", "Echo", "out")
"""


def test_only_that_page_fails(settings: Settings, tmp_path: Path) -> None:
    files = {
        "controllers/EchoController.py": CONTROLLER,
        "views/fine.html": "<p>fine</p>",
        "views/out.html": "{% include '../../config.py' %}",
    }
    write_module(tmp_path / "modules", PAGES, files=files)
    live = Live(replace(settings, modules_dir=tmp_path / "modules"))
    with live.ensure().app_context():
        lifecycle.activate(
            actor=STAFF, modules_dir=tmp_path / "modules", module_type="Product", name="Echo"
        )
        staff.create_staff(actor=CLI, email="owner@panel.test", name="Owner", password=PASSWORD)
    with live.ensure().app_context():
        service = make_service(STAFF)
        with transaction():
            find_service(service.uuid).status = ServiceStatus.ACTIVE
        uuid = service.uuid
    olga, astrid = (
        Person(live, "admin", "owner@panel.test"),
        Person(live, "client", "astrid@lumen.test"),
    )
    assert [
        olga.get(f"/admin/modules/Product/Echo/{page}").status_code
        for page in ("fine", "out", "fine")
    ] == [200, 500, 200]
    shown = [astrid.get(f"/client/services/{uuid}/{tab}") for tab in ("fine", "out", "fine")]
    assert [answer.status_code for answer in shown][::2] == [200, 200]
    assert ["<p>fine</p>" in answer.text for answer in shown] == [True, False, True]
    assert "config.py" not in shown[1].text and "CONFIG" not in shown[1].text
    with live.ensure().app_context():
        said = (
            session().scalars(sa.select(ModuleLog.response).where(ModuleLog.level == "error")).all()
        )
        assert len(said) == 2
        assert all(
            "Product/Echo has no template “../../config.py”" in one and OUT in one for one in said
        )
    dismantle(live.ensure())
