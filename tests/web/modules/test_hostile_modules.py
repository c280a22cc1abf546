"""A hostile module breaks only its own tab or page, never lists, the sidebar or other pages."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from puqpanel.domain.principals import CLI
from puqpanel.infra.db import transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live
from puqpanel.operations.accounts import staff
from puqpanel.operations.modules import lifecycle
from puqpanel.operations.provisioning import requests, services, settlement
from tests.conftest import STAFF
from tests.sample import PASSWORD, make_service, write_module
from tests.web.modules.test_module_routes import token_of

MODULE = """
    import sys, threading
    from puqpanel.sdk import DB, Product, Result, Schema, db, reading

    TABS = "plain loops config up gone recursive weird sound".split()
    ODD = "raises exits recurses memory sockets round nan huge generator surrogate number nested bytes badcode transaction hostile".split()

    class Echo(Product):
        def activate(self):
            Schema.create("things", lambda table: (table.id(), table.string("name")))
            return "success"
        def admin_permissions(self):
            return [{"name": "\\ud800<b>\\x00" + "x" * 10**6, "key": "view"}]
        def admin_sidebar(self):
            return [{"title": "Si\\ud800de<b>", "link": "sound", "permission": "view"}]
        def admin_web_routes(self):
            return [{"method": "get", "uri": one, "permission": "view", "name": one, "controller": f"OddController@{one}"} for one in [*ODD, "sound"]]
        def get_client_area_menu_config(self):
            return {one: {"name": one + "\\ud800", "template": f"tabs.{one}"} for one in TABS}
        def variables_plain(self):
            raise MemoryError
        def variables_weird(self):
            return 7
        def variables_config(self):
            return {"config": self.config}
        def get_product_page(self):
            return "\\ud800"
        def get_service_page(self):
            sys.exit("password=hunter2")
        def save_product_data(self, data=None):
            return {"status": "success", "data": {"x": float("nan"), "y": "\\x00\\ud800"}}
        def create_job(self):
            return {"status": "error", "message": "no\\x00\\ud800 " + "x" * 10**6, "data": self}
    for one in ODD:
        setattr(Echo, f"controller_client_sound_{one}", reading(lambda self, request, one=one: getattr(__import__(__package__ + ".controllers.OddController", fromlist=["x"]).OddController(), one)(request)))
"""
CONTROLLER = """
    import sys, threading
    from puqpanel.sdk import DB, Result, db

    class Hostile(dict):
        def items(self): raise SystemExit(4)
        def __iter__(self): raise KeyboardInterrupt

    class OddController:
        def sound(self, request): return "<p>sound</p>"
        def raises(self, request): raise ValueError("inner secret")
        def exits(self, request): sys.exit(3)
        def recurses(self, request): return self.recurses(request)
        def memory(self, request): return [0] * 10**14
        def sockets(self, request):
            threading.Thread(target=threading.Event().wait, args=(30,), daemon=True).start()
            return {"success": True}
        def round(self, request):
            a = {}; a["a"] = a
            return a
        def nan(self, request): return {"success": True, "data": float("nan")}
        def huge(self, request): return {"success": True, "data": "x" * 3_000_000}
        def generator(self, request): return (one for one in "abc")
        def surrogate(self, request): return "a\\ud800b"
        def number(self, request): return 7
        def nested(self, request): return Result.success(data={"a": object(), "b": {1, 2}})
        def bytes(self, request): return {"data": b"\\xff"}
        def badcode(self, request): return {"status": "error", "code": 99999}, 12
        def transaction(self, request):
            db.session.execute(db.session.get_bind() and __import__("sqlalchemy").text("insert into mod_product_echo_things (name) values ('left')"))
            return {"success": True}
        def hostile(self, request): return Hostile(a=1)
"""
FILES = {
    "controllers/OddController.py": CONTROLLER,
    "views/tabs/plain.html": "plain",
    "views/tabs/sound.html": "<p>sound</p>",
    "views/tabs/loops.html": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "views/tabs/config.html": (
        "[{{ config }}|{{ config.SECRET_KEY }}|{{ self._TemplateReference__context.config }}]"
    ),
    "views/tabs/up.html": "{% include '../../config.py' %}",
    "views/tabs/gone.html": "{% include 'nowhere.html' %}{{ url_for_module('nowhere') }}",
    "views/tabs/recursive.html": "{% include 'tabs/recursive.html' %}",
    "views/tabs/weird.html": "{{ 1 / 0 }}",
}
ODD = [
    "raises",
    "exits",
    "recurses",
    "memory",
    "sockets",
    "round",
    "nan",
    "huge",
    "generator",
    "surrogate",
    "number",
    "nested",
    "bytes",
    "badcode",
    "transaction",
    "hostile",
]
BASE = "/admin/modules/Product/Echo"


class Stage:
    """A panel with the module active, signed-in staff and user, and an active service."""

    def __init__(self, settings: Settings) -> None:
        live = Live(settings)
        app = live.ensure()
        with app.app_context():
            lifecycle.activate(
                actor=STAFF, modules_dir=settings.modules_dir, module_type="Product", name="Echo"
            )
        self.app = app = live.ensure()
        with app.app_context():
            staff.create_staff(actor=CLI, email="owner@panel.test", name="Owner", password=PASSWORD)
            service = make_service(STAFF)
            self.uuid, self.product = service.uuid, service.product.uuid
            settlement.set_provision_status(service_uuid=service.uuid, status="processing")
            with transaction():
                row = services.find_service(service.uuid)
                row.status, row.provision_status = "active", "completed"
        self.staff = self.sign_in("admin", "owner@panel.test")
        self.customer = self.sign_in("client", "astrid@lumen.test")

    def sign_in(self, area: str, email: str) -> FlaskClient:
        client = self.app.test_client()
        token = token_of(client.get(f"/{area}/signin").text)
        assert (
            client.post(
                f"/{area}/signin", data={"csrf_token": token, "email": email, "password": PASSWORD}
            ).status_code
            == 302
        )
        return client


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    folder = tmp_path / "modules"
    write_module(folder, MODULE, files=FILES)
    (folder / "Product/Echo/config.py").write_text(
        "CONFIG = {'name': 'E\\ud800<b>\\x00', 'version': '1.0.0', 'author': '\\udfff',"
        " 'description': 'x' * 10**5, 'password': 'hunter2', 'icon': '\\ud800'}\n"
    )
    os.mkdir(os.fsencode(folder / "Product") + b"/caf\xe9")
    (folder / "Product" / "a b<i>\"'").mkdir()
    (folder / "Plugin").symlink_to(folder / "Plugin")
    return replace(settings, modules_dir=folder)


@pytest.fixture
def stage(settings: Settings) -> Stage:
    return Stage(settings)


def test_lists_and_forms_still_render(stage: Stage) -> None:
    for path in (
        "/admin/modules/",
        "/admin/",
        "/admin/products/",
        "/admin/staff/roles/new",
        f"/admin/services/{stage.uuid}",
        f"/admin/products/{stage.product}/settings",
        "/admin/tasks/",
        "/admin/module-log/",
    ):
        answer = stage.staff.get(path, follow_redirects=True)
        assert answer.status_code in (200, 404), (path, answer.text)
        assert "Traceback" not in answer.text
    page = stage.staff.get("/admin/modules/").text
    assert "is not StudlyCase" in page
    assert "<i>&#34;" not in page
    form = stage.staff.get(f"/admin/services/{stage.uuid}/settings")
    assert form.status_code < 500
    assert "hunter2" not in form.text
    assert "SystemExit" in form.text


def test_saving_with_an_invalid_result(stage: Stage) -> None:
    token = token_of(stage.staff.get(f"/admin/products/{stage.product}/settings").text)
    answer = stage.staff.post(
        f"/admin/products/{stage.product}/settings", data={"csrf_token": token, "x": "1"}
    )
    assert answer.status_code in (302, 422), answer.text
    assert stage.staff.get(f"/admin/products/{stage.product}").status_code == 200


@pytest.mark.parametrize("area", ["admin", "client"])
def test_answers(stage: Stage, area: str) -> None:
    cwd = os.getcwd()
    answers: dict[str, Any] = {}
    for one in ODD:
        got = (
            stage.staff.get(f"{BASE}/{one}")
            if area == "admin"
            else stage.customer.get(f"/client/services/{stage.uuid}/sound/api/{one}")
        )
        answers[one] = (got.status_code, got.get_json(silent=True))
        assert "Traceback" not in got.text
        assert "inner secret" not in got.text
        assert "NaN" not in got.text
    failing = {"raises", "exits", "recurses", "memory", "badcode"}
    assert {one for one in ODD if answers[one][0] >= 500} == failing, answers
    assert answers["nan"] == (200, {"success": True, "data": None})
    assert answers["round"] == (200, {"a": {"a": "…"}})
    assert len(answers["huge"][1]["data"]) == 3_000_000
    assert os.getcwd() == cwd
    assert "<p>sound</p>" in stage.staff.get(f"{BASE}/sound").text
    assert "<p>sound</p>" in stage.customer.get(f"/client/services/{stage.uuid}/sound").text


def test_tabs(stage: Stage) -> None:
    for one in ("plain", "loops", "config", "up", "gone", "recursive", "weird"):
        page = stage.customer.get(f"/client/services/{stage.uuid}/{one}")
        assert page.status_code == 200, page.text
        assert "hunter2" not in page.text
        assert "CONFIG" not in page.text
        assert stage.app.config["SECRET_KEY"] not in page.text
    assert "[Config(" in stage.customer.get(f"/client/services/{stage.uuid}/config").text


def test_a_job_with_an_invalid_result(
    settings: Settings, stage: Stage, drain: Callable[..., None]
) -> None:
    with stage.app.app_context():
        service = make_service(STAFF, client=services.find_service(stage.uuid).client)
        uuid = service.uuid
        assert requests.request(actor=STAFF, service_uuid=uuid, verb="create").ok
    drain(1)
    with stage.app.app_context():
        failed = services.find_service(uuid)
        assert failed.provision_status == "failed"
        assert str(failed.failure).startswith("no�� xxx")
        assert len(str(failed.failure)) <= 4000
    assert stage.staff.get(f"/admin/services/{uuid}").status_code == 200
