"""Module assets: cached, never executed as documents, and limited to their folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from puqpanel.host import calls
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.operations.modules import lifecycle
from puqpanel.web.public.modules.module_assets import KINDS, address
from tests.conftest import STAFF
from tests.sample import activate, write_module

pytestmark = pytest.mark.sqlite

PLUGIN = """
    from puqpanel.sdk import Plugin

    class Dressed(Plugin):
        def page(self):
            return self.view("page")
"""
PAGE = (
    "{{ asset('css/look.css') }} {{ asset('gone.css') }} {{ asset('css/a name.css') }} {{"
    " asset('panel', 'js/dom.js') }}"
)


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    files = {f"views/assets/kinds/x.{kind}": "x" for kind in KINDS}
    folder = write_module(
        tmp_path / "modules",
        PLUGIN,
        type="Plugin",
        name="Dressed",
        files={
            **files,
            "views/page.html": PAGE,
            "views/assets/css/look.css": "a { color: red }",
            "views/assets/css/a name.css": "b {}",
            "views/assets/x.svg": (
                "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
            ),
            "views/assets/.hidden.css": "x",
            "views/assets/run.py": "x",
            "views/assets/page.html": "x",
            "views/assets/noname": "x",
            "views/secret.css": "x",
            "views/assets/Upper.CSS": "x",
        },
    )
    (tmp_path / "outside.css").write_text("outside")
    os.symlink(tmp_path / "outside.css", folder / "views" / "assets" / "link.css")
    os.symlink(tmp_path, folder / "views" / "assets" / "linked")
    os.symlink(
        folder / "views" / "assets" / "css" / "look.css", folder / "views" / "assets" / "inner.css"
    )
    os.symlink(
        folder / "views" / "assets" / "run.py", folder / "views" / "assets" / "disguised.css"
    )
    other = write_module(
        tmp_path / "modules",
        PLUGIN.replace("Dressed", "Led"),
        type="Plugin",
        name="Led",
        files={"views/page.html": ""},
    )
    os.symlink(tmp_path, other / "views" / "assets")
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def live(settings: Settings) -> Iterator[Live]:
    panel = Live(settings)
    with panel.ensure().app_context():
        activate(panel.ensure(), STAFF, "Dressed", "Plugin")
        activate(panel.ensure(), STAFF, "Led", "Plugin")
    panel.ensure()
    yield panel
    assert panel.app is not None
    dismantle(panel.app)


def get(live: Live, path: str, **options: object) -> TestResponse:
    answer = live.ensure().test_client().get(path, **options)  # type: ignore[arg-type]
    answer.get_data()
    answer.close()
    return answer


BASE = "/modules/Plugin/Dressed/assets/"


def addresses(live: Live) -> list[str]:
    app = live.ensure()
    with app.test_request_context():
        called = calls.invoke(calls.Call(app.registry.modules["Plugin/Dressed"], "page"))
        assert called.ok, called.error
        return str(called.value).replace("a%20name", "a_name").split()


def test_urls_contain_the_digest_and_are_cached_for_a_year(live: Live, settings: Settings) -> None:
    look, gone, name, panels = addresses(live)
    assert (
        look.startswith(f"{BASE}css/look.css?v=")
        and gone == f"{BASE}gone.css"
        and name.startswith(f"{BASE}css/a_name.css?v=")
    )
    assert panels.startswith("/assets/panel/")
    answer = get(live, look)
    assert (answer.status_code, answer.text, answer.mimetype) == (
        200,
        "a { color: red }",
        "text/css",
    )
    assert all(
        word in answer.headers["Cache-Control"]
        for word in ("public", "max-age=31536000", "immutable")
    )
    assert "no-cache" not in answer.headers["Cache-Control"]
    for old in (look.partition("?")[0], f"{BASE}css/look.css?v=old"):
        short = get(live, old).headers["Cache-Control"]
        assert "max-age=300" in short and "immutable" not in short
    (settings.modules_dir / "Plugin/Dressed/views/assets/css/look.css").write_text(
        "a { color: tan }"
    )
    assert addresses(live)[0] != look
    assert "Set-Cookie" not in answer.headers


def test_conditional_requests_return_304(live: Live) -> None:
    first = get(live, f"{BASE}css/look.css")
    again = get(live, f"{BASE}css/look.css", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.text) == (304, "")
    assert get(live, f"{BASE}css/look.css", headers={"If-None-Match": '"other"'}).status_code == 200


def test_an_opened_image_runs_no_script(live: Live) -> None:
    answer = get(live, f"{BASE}x.svg")
    policy = answer.headers["Content-Security-Policy"]
    assert (
        answer.mimetype == "image/svg+xml"
        and "sandbox" in policy
        and "default-src 'none'" in policy
        and "script-src" not in policy
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_extension_has_its_content_type(live: Live, kind: str) -> None:
    answer = get(live, f"{BASE}kinds/x.{kind}")
    assert (answer.status_code, answer.mimetype) == (200, KINDS[kind])


@pytest.mark.parametrize(
    "name",
    [
        "../secret.css",
        "..%2fsecret.css",
        "%2e%2e/secret.css",
        "css/../../secret.css",
        "css/%2e%2e/%2e%2e/secret.css",
        "css/..%5c..%5csecret.css",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "link.css",
        "linked/outside.css",
        "disguised.css",
        ".hidden.css",
        "run.py",
        "page.html",
        "noname",
        "css",
        "css/",
        "",
        "css/look.css%00",
        "look%00.css",
        "css/look.css/x.css",
        "a" * 5000 + ".css",
        "~root/x.css",
        "css%2flook.css/..%2flook.css",
        "C:%5cx.css",
        "\u202ex.css",
    ],
)
def test_paths_cannot_leave_the_folder(live: Live, name: str) -> None:
    assert get(live, BASE + name, follow_redirects=True).status_code == 404


def test_a_symlinked_folder_outside_is_not_served(live: Live) -> None:
    assert get(live, "/modules/Plugin/Led/assets/outside.css").status_code == 404


def test_symlinks_inside_the_folder_are_served(live: Live) -> None:
    assert get(live, f"{BASE}inner.css").text == "a { color: red }"
    assert get(live, f"{BASE}Upper.CSS").mimetype == "text/css"


def test_only_loaded_modules_are_served(live: Live, settings: Settings) -> None:
    for path in (
        "/modules/Plugin/Other/assets/css/look.css",
        "/modules/Rocket/Dressed/assets/css/look.css",
        "/modules/../Dressed/assets/css/look.css",
    ):
        assert get(live, path, follow_redirects=True).status_code == 404
    with live.ensure().app_context():
        lifecycle.deactivate(
            actor=STAFF, modules_dir=settings.modules_dir, module_type="Plugin", name="Dressed"
        )
    assert get(live, f"{BASE}css/look.css").status_code == 404


def test_the_url_is_the_same_outside_a_request(live: Live) -> None:
    with live.ensure().app_context():
        assert address("Plugin/Dressed", "css/look.css") == addresses(live)[0]
