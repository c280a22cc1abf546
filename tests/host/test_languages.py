"""Translations of modules: read as data, in the language of whoever looks, and a file with code
in it costs its own texts only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from markupsafe import Markup
from werkzeug.test import Client

from puqpanel.domain.principals import CLI
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.host import languages, registry
from puqpanel.host.languages import lookup_order, read, translate, using
from puqpanel.host.loader import load_module, unload
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import Settings, SettingsError
from puqpanel.live import Live
from puqpanel.models import ModuleLog, Task
from puqpanel.operations.accounts import clients, staff
from puqpanel.operations.catalog import products
from puqpanel.operations.modules import lifecycle
from puqpanel.operations.provisioning import requests, services
from tests.conftest import STAFF
from tests.sample import PASSWORD, write_module

RULE = "a language file must define LANG = {text: translation} and nothing else"


@pytest.fixture(autouse=True)
def own_language() -> Any:
    languages.set_panel_language(lambda: "en")
    yield
    languages.set_panel_language(lambda: "en")


def write(folder: Path, **files: str | bytes) -> Path:
    """Files of translations, by language."""
    (folder / "lang").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / "lang" / f"{name}.py").write_bytes(
            text.encode() if isinstance(text, str) else text
        )
    return folder


@pytest.mark.parametrize(
    ("asked", "looked"),
    [
        (["pl-PL"], ("pl-pl", "pl", "en")),
        (["pl_PL"], ("pl-pl", "pl", "en")),
        (["zh-Hant-TW"], ("zh-hant-tw", "zh-hant", "zh", "en")),
        (["zh-TW", "sr_Latn_RS"], ("zh-tw", "zh-hant", "zh", "sr-latn-rs", "sr-latn", "sr", "en")),
        ([], ("en",)),
        (["de", "en-GB", "pl"], ("de", "en-gb", "en")),
        (["../../etc", "*", "", "pl"], ("pl", "en")),
    ],
)
def test_where_is_looked(asked: list[str], looked: tuple[str, ...]) -> None:
    assert lookup_order(asked) == looked


def test_the_nearest_language_wins(tmp_path: Path) -> None:
    write(
        tmp_path,
        en="LANG = {'greeting': 'Hello', 'only.english': 'English'}",
        pl="'''Polski.'''\nLANG: dict[str, str] = {'greeting': 'Cześć', 'x': 'iks'}",
        **{"pl-PL": "LANG = {'greeting': 'Dzień dobry'}"},
    )
    with using("pl-PL"):
        assert [
            translate(tmp_path, text) for text in ("greeting", "x", "only.english", "nothing", "")
        ] == ["Dzień dobry", "iks", "English", "nothing", ""]
    with using("pl"):
        assert translate(tmp_path, "greeting") == "Cześć"
    with using("de"):
        assert translate(tmp_path, "greeting") == "Hello"
    assert (
        translate(tmp_path, "greeting"),
        translate(None, "greeting"),
        translate(tmp_path / "nowhere", "greeting"),
    ) == ("Hello", "greeting", "greeting")
    languages.set_panel_language(lambda: "pl")
    assert translate(tmp_path, "greeting") == "Cześć", (
        "what nobody in particular is shown is in the panel's language"
    )
    assert read(tmp_path).problems == []


def test_lang_is_read_before_Lang_and_safe_html_stays_safe(tmp_path: Path) -> None:
    write(tmp_path, pl="LANG = {'a': 'lang'}")
    (tmp_path / "Lang").mkdir()
    (tmp_path / "Lang" / "pl.py").write_text("LANG = {'a': 'Lang'}")
    with using("pl"):
        assert translate(tmp_path, "a") == "lang"
    assert isinstance(translate(tmp_path, Markup("<b>x</b>")), Markup)


def test_values(tmp_path: Path) -> None:
    write(
        tmp_path, pl="LANG = {'Hello :name, :count of :counts at 10:30': ':counts/:count :name!'}"
    )
    with using("pl"):
        assert (
            translate(
                tmp_path,
                "Hello :name, :count of :counts at 10:30",
                {"name": ":count", "count": 1, "counts": 22},
            )
            == "22/1 :count!"
        )
    assert (
        translate(tmp_path, "from :name: see http://x:80, :other, :names", {"name": "Ada"})
        == "from Ada: see http://x:80, :other, Adas"
    )
    assert translate(tmp_path, "50% {} %s", {"s": 1}) == "50% {} %s"


@pytest.mark.parametrize(
    ("source", "line", "why"),
    [
        ("LANG = {\n 'a': __import__('os').system('touch ran')}", 2, RULE),
        ("import os\nos.system('touch ran')\nLANG = {'a': 'b'}", 1, RULE),
        ("LANG = {'a': 'b'}\nopen('ran', 'w')", 2, RULE),
        ("LANG = dict(a='b')", 1, RULE),
        ("LANG = {**{}}", 1, RULE),
        ("LANG = {'a': f'{1 + 1}'}", 1, RULE),
        ("LANG = {'a': 'b' * 10**9}", 1, RULE),
        ("LANG = {'a': 'b'}\nLANG = {}", 2, RULE),
        ("WORDS = {'a': 'b'}", 1, RULE),
        ("", 1, RULE),
        ("LANG = ['a']", 1, RULE),
        ("LANG = {'a': 'b'", 1, "it is not Python"),
        ("<?php return ['a' => 'b'];", 1, "it is not Python"),
        ("LANG = " + "-" * 500_000 + "1", 1, "it is not Python"),
        ("LANG = " + "(" * 500_000, 1, "it is not Python"),
        ("LANG = {'a': " + "x." * 100_000 + "y}", 1, "it is not Python"),
        (b"LANG = {'a': '\xbf'}", 1, "it is not Python"),
        (b"\0", 1, "it is not Python"),
        ("LANG = {'a': 'b'}" + " " * 1024 * 1024, 1, "it is larger than 1 MB"),
    ],
)
def test_a_file_with_anything_else_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str | bytes, line: int, why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, pl=source, en="LANG = {'a': 'A'}")
    found = read(tmp_path).problems
    assert len(found) == 1
    assert found[0].startswith(f"lang/pl.py, line {line}: {why}"), found
    assert found[0].endswith(". None of its translations are used.")
    assert len(found[0]) < 400
    with using("pl"):
        assert translate(tmp_path, "a") == "A"
    assert not (tmp_path / "ran").exists()


def test_single_entries_and_names(tmp_path: Path) -> None:
    write(
        tmp_path,
        pl="LANG = {'a': 'A',\n 'b': 7,\n 3: 'c', 'd': None}",
        README="LANG = {}",
        __init__="import os",
    )
    (tmp_path / "secret.py").write_text("LANG = {'a': 'leaked'}")
    os.symlink(tmp_path / "secret.py", tmp_path / "lang" / "de.py")
    os.symlink("/etc/hostname", tmp_path / "lang" / "fr.py")
    os.mkfifo(tmp_path / "lang" / "it.py")
    (tmp_path / "lang" / "es.py").mkdir()
    found = read(tmp_path).problems
    assert [one.split(":")[0] for one in found] == [
        "lang/README.py, line 1",
        "lang/fr.py, line 1",
        "lang/pl.py, line 2",
        "lang/pl.py, line 3",
        "lang/pl.py, line 3",
    ]
    assert "points outside the module" in found[1]
    with using("pl"):
        assert [translate(tmp_path, text) for text in ("a", "b")] == ["A", "b"]


def test_an_edit_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "CHECK_SECONDS", 0)
    write(tmp_path, pl="LANG = {'a': 'one'}")
    with using("pl"):
        assert translate(tmp_path, "a") == "one"
        write(tmp_path, pl="LANG = {'a': 'second'}")
        assert translate(tmp_path, "a") == "second"
        (tmp_path / "lang/pl.py").unlink()
        assert translate(tmp_path, "a") == "a"


def test_the_setting() -> None:
    assert Settings.load({"PUQPANEL_LOCALE": "pl_PL"}).overrides["region.locale"] == "pl-PL"
    with pytest.raises(SettingsError, match="LOCALE"):
        Settings.load({"PUQPANEL_LOCALE": "polish please"})


MODULE = """
from puqpanel.sdk import Product, Service, __

from .words import greeting


class Shop(Product):
    def admin_permissions(self):
        return [{"name": "See it", "key": "see", "description": "See the shop"}]

    def admin_sidebar(self):
        return [{"title": "Shop", "link": "index", "active_links": [], "permission": "see"}]

    def admin_web_routes(self):
        return [{"method": "get", "uri": "", "permission": "see", "name": "index", "controller": "ShopController@index"}]

    def get_client_area_menu_config(self):
        return {"general": {"name": "Overview", "template": "client"}, "more": {"name": "More", "template": "client"}}

    def variables_general(self):
        return {"said": greeting("<Ada>")}

    def create_job(self):
        self.log_info("said", greeting("worker"))
        return {"status": "success"}
"""
FILES = {
    "words.py": (
        "from puqpanel.sdk import __\n\n\ndef greeting(name):\n    return __('Hello :name',"
        " {'name': name})\n"
    ),
    "controllers/ShopController.py": (
        "from puqpanel.sdk import view_admin_module\n\n\nclass ShopController:\n    def index(self,"
        " request):\n        return view_admin_module('Product', 'Shop', 'admin')\n"
    ),
    "views/admin.html": "<p id=said>{{ __('Hello :name', {'name': '<b>'}) }}</p>",
    "views/client.html": "<p id=said>{{ said }}</p>",
    "lang/pl.py": (
        "LANG = {'Hello :name': 'Cześć :name', 'Shop': 'Sklep', 'Overview': 'Przegląd', 'See it':"
        " 'Oglądać', 'See the shop': 'Oglądać sklep'}"
    ),
    "lang/de.py": "import os\nLANG = {'Hello :name': 'Hallo :name'}",
}


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    write_module(tmp_path / "modules", MODULE, name="Shop", files=FILES)
    return replace(
        settings,
        modules_dir=tmp_path / "modules",
        overrides={"region.locale": getattr(request, "param", "en")},
    )


def sign_in(live: Live, area: str, email: str) -> Client:
    http = Client(live)
    found = re.search(
        r'name="csrf[-_]token"[^>]*?(?:value|content)="([^"]+)"', http.get(f"/{area}/signin").text
    )
    assert found
    assert (
        http.post(
            f"/{area}/signin", data={"csrf_token": found[1], "email": email, "password": PASSWORD}
        ).status_code
        == 302
    )
    return http


def test_each_viewer_in_their_language(settings: Settings, live: Live) -> None:
    with live.ensure().app_context():
        lifecycle.activate(
            actor=STAFF, modules_dir=settings.modules_dir, module_type="Product", name="Shop"
        )
        staff.create_staff(actor=CLI, email="owner@panel.test", name="Owner", password=PASSWORD)
    with live.ensure().app_context():
        product = products.save_product(
            actor=STAFF, uuid=None, name="Shop", module="Product/Shop", price="5"
        ).uuid
        client = clients.create_client(
            actor=STAFF, name="Lumen", email="astrid@lumen.test", user_password=PASSWORD
        ).uuid
        uuid = services.create_service(
            actor=STAFF, client_uuid=client, product_uuid=product, name="a.lumen.test"
        ).uuid
        with transaction():
            services.find_service(uuid).status = ServiceStatus.ACTIVE
    olga, astrid = (
        sign_in(live, "admin", "owner@panel.test"),
        sign_in(live, "client", "astrid@lumen.test"),
    )
    page, tab = "/admin/modules/Product/Shop", f"/client/services/{uuid}/general"
    for asked, hello, shop, overview in [
        ("pl-PL,en;q=0.5", "Cześć", "Sklep", "Przegląd"),
        ("en,pl;q=0.5", "Hello", "Shop", "Overview"),
        ("de", "Hello", "Shop", "Overview"),
        ("", "Hello", "Shop", "Overview"),
    ]:
        headers = {"Accept-Language": asked}
        shown = olga.get(page, headers=headers, follow_redirects=True).text
        assert f"<p id=said>{hello} &lt;b&gt;</p>" in shown
        assert shop in shown
        shown = astrid.get(tab, headers=headers).text
        assert f"<p id=said>{hello} &lt;Ada&gt;</p>" in shown
        assert overview in shown
    for odd in ("x;q=abc, ,*;q=0, pl", ";" * 500, "pl," * 2000, "*", "pl;q=0", "\xff\xfe"):
        assert olga.get(page, headers={"Accept-Language": odd}).status_code == 200
    olga.set_cookie("lang", "pl", domain="localhost")
    assert (
        "Cześć" in olga.get(page, headers={"Accept-Language": "en"}, follow_redirects=True).text
    ), "the cookie before the browser"
    olga.set_cookie("lang", "../../x", domain="localhost")
    assert "Hello" in olga.get(page, follow_redirects=True).text
    shown = olga.get("/admin/staff/roles/new", headers={"Accept-Language": "pl"}).text
    assert "Oglądać sklep" in shown
    assert languages.locale.get() == (), "nothing is left for who comes next in this thread"
    with live.ensure().app_context():
        loaded = registry.current().modules["Product/Shop"]
        assert (
            loaded.warnings[-1] == f"lang/de.py, line 1: {RULE}. None of its translations are used."
        )
    assert "lang/de.py, line 1" in olga.get("/admin/modules/").text


@pytest.mark.parametrize("settings", ["pl"], indirect=True)
def test_a_worker_speaks_the_panels_language(
    settings: Settings, live: Live, drain: Callable[..., None]
) -> None:
    with live.ensure().app_context():
        lifecycle.activate(
            actor=STAFF, modules_dir=settings.modules_dir, module_type="Product", name="Shop"
        )
    with live.ensure().app_context():
        product = products.save_product(
            actor=STAFF, uuid=None, name="Shop", module="Product/Shop", price="5"
        ).uuid
        client = clients.create_client(
            actor=STAFF, name="Lumen", email="astrid@lumen.test", user_password=PASSWORD
        ).uuid
        uuid = services.create_service(
            actor=STAFF, client_uuid=client, product_uuid=product, name="a.lumen.test"
        ).uuid
        assert requests.request(actor=STAFF, service_uuid=uuid, verb="create").ok
        drain(2)
        release()
        said = (
            session()
            .execute(sa.select(ModuleLog.request).where(ModuleLog.action == "said"))
            .scalars()
            .all()
        )
        assert session().scalars(sa.select(Task.status)).all() == ["completed"]
    assert said == ["Cześć worker"]


def test_outside_any_call(settings: Settings) -> None:
    loaded = load_module(settings.modules_dir / "Product/Shop", "Product", "Shop")
    with using("pl"):
        instance: Any = loaded.cls()
        assert instance.variables_general() == {"said": "Cześć <Ada>"}
    unload(loaded.package)
