"""Templates of modules: their own folder and nothing else, escaped, with the panel's macros beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jinja2 import DictLoader, TemplateNotFound

from puqpanel.host import views
from puqpanel.host.loader import load_module
from tests.sample import write_module

SOURCE = "from puqpanel.sdk import Plugin\n\n\nclass Echo(Plugin):\n    pass\n"


@pytest.fixture
def echo(tmp_path: Path) -> Any:
    files = {
        "views/admin_area/page.html": "<p>{{ text }}</p>{% include 'admin_area/part.html' %}{{ module.config('name') }}{{ __('x') }}",
        "views/admin_area/part.html": "[part]",
        "views/admin_area/out.html": "{% include '../../config.py' %}",
        "views/admin_area/far.html": "{% include '/etc/passwd' %}",
        "views/admin_area/macros.html": '{% from "panel/macros/forms.html" import field %}{{ field("<a>") }}',
        "views/admin_area/loop.html": "{% include 'admin_area/loop.html' %}",
        "secret.html": "secret",
    }
    folder = write_module(tmp_path, SOURCE, type="Plugin", files=files)
    (folder / "views/link.html").symlink_to(folder / "secret.html")
    return load_module(folder, "Plugin", "Echo").cls()


def test_dots_are_folders_and_text_is_escaped(echo: Any) -> None:
    for name in ("admin_area.page", "admin_area/page", "admin_area/page.html"):
        assert echo.view(name, {"text": "<b>"}) == "<p>&lt;b&gt;</p>[part]Echox"


@pytest.mark.parametrize("name", ["../config", "..config", "../secret", "/etc/passwd", "link", "admin_area.nothing", "", ".", "admin_area.\x00page", "C:\\x", "admin_area//page"])
def test_no_way_out(echo: Any, name: str) -> None:
    with pytest.raises(TemplateNotFound):
        echo.view(name)


@pytest.mark.parametrize("name", ["admin_area.out", "admin_area.far"])
def test_no_way_out_by_include(echo: Any, name: str) -> None:
    with pytest.raises(TemplateNotFound):
        echo.view(name)


def test_the_panels_macros(echo: Any) -> None:
    before = dict(views._panel)
    try:
        views.install(None)
        with pytest.raises(TemplateNotFound):
            echo.view("admin_area.macros")
        macros = {"macros/forms.html": '{% import "macros/page.html" as page %}{% macro field(f) %}{{ page.star() }}{{ f }}{% endmacro %}', "macros/page.html": "{% macro star() %}*{% endmacro %}"}
        views.install(DictLoader(macros), {"lent": 1})
        fresh: Any = load_module(echo.module_folder, "Plugin", "Echo").cls()
        assert fresh.view("admin_area.macros") == "*&lt;a&gt;"
        assert views.environment(type(fresh)).globals["lent"] == 1
    finally:
        views._panel.update(before)


def test_an_edited_template_is_seen(echo: Any) -> None:
    echo.view("admin_area.part")
    path = echo.module_folder / "views/admin_area/part.html"
    path.write_text("[new!]")
    assert echo.view("admin_area.part") == "[new!]"
