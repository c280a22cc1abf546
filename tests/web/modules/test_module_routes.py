"""Module pages: guarded, laid out, with every documented return value, isolated on failure."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from puqpanel.domain.principals import CLI
from puqpanel.host import calls
from puqpanel.infra.db import transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live
from puqpanel.operations.accounts import staff
from puqpanel.operations.modules import lifecycle
from puqpanel.operations.provisioning import services, settlement
from puqpanel.web.guard import declared
from tests.conftest import STAFF
from tests.sample import PASSWORD, make_service, write_module

pytestmark = pytest.mark.sqlite

MODULE = """
    from puqpanel.sdk import Product

    class Echo(Product):
        def adminPermissions(self):
            return [{"name": "View servers", "key": "view-servers", "description": "x"}, {"name": "Manage", "key": "manage-servers", "description": "x"}]

        def adminSidebar(self):
            return [{"title": "Servers", "link": "servers", "active_links": ["servers"], "permission": "view-servers"}]

        def adminWebRoutes(self):
            def get(uri, permission="view-servers", method="get"):
                return {"method": method, "uri": uri, "permission": permission, "name": uri.split("/")[0], "controller": f"EchoController@{uri.split('/')[0]}"}
            return [get("servers"), get("edit/{uuid}"), get("save", "manage-servers", "post"), get("text"), get("dict"), get("pair"), get("rejected"), get("result"),
                    get("response"), get("away"), get("boom"), get("leave"), get("forbidden"), get("nothing"), get("document"), get("conflict"), get("allowed")]

        def adminApiRoutes(self):
            return [{"method": "delete", "uri": "servers/{id}", "permission": "manage-servers", "name": "servers", "controller": "EchoController@api"},
                    {"method": "get", "uri": "boom", "permission": "view-servers", "name": "boom", "controller": "EchoController@boom"}]
"""
CONTROLLER = """
    import sys
    from flask import redirect
    from puqpanel.sdk import Controller, ExternalServiceError, Result, abort, current_admin, json_error, json_success, response, url_for_module, view_admin_module

    class EchoController(Controller):
        def servers(self, request):
            title = "Cloud Servers"
            return view_admin_module("Product", "Echo", "admin_area.servers", {"title": title, "q": request.all()})
        def edit(self, request, server_uuid):
            return f"<p>editing {server_uuid}</p>"
        def save(self, request):
            return json_success({"got": request.all(), "name": request.input("name")})
        def text(self, request): return "<b>plain</b>"
        def dict(self, request): return {"status": "error", "message": "no", "code": 422}
        def pair(self, request): return {"success": False}, 409
        def rejected(self, request): return "<p>again</p>", 422
        def result(self, request): return Result.error("no room", code=507)
        def response(self, request): return response().json({"error": "Server not found"}, 404)
        def away(self, request): return redirect(url_for_module("servers"))
        def boom(self, request): raise ValueError("secret detail")
        def leave(self, request): sys.exit(3)
        def forbidden(self, request): abort(403)
        def nothing(self, request): return None
        def document(self, request): return "<!doctype html><p>whole"
        def conflict(self, request): raise ExternalServiceError("The cloud is away.")
        def allowed(self, request): return {"view": current_admin.hasPermission("Product-Echo-view-servers"), "manage": current_admin.has_permission("manage-servers")}
        def api(self, request, id): return json_error("gone", 410, id=id)
"""
FILES = {
    "Controllers/EchoController.py": CONTROLLER,
    "views/admin_area/servers.html": (
        '{% from "panel/macros/page.html" import badge %}<form method="post">{{ csrf()'
        ' }}</form><h1>{{ title }}</h1>{{ q }} {{ url_for_module("edit", uuid="7") }}'
    ),
}


@pytest.fixture
def client(settings: Settings, tmp_path: Path) -> FlaskClient:
    write_module(tmp_path / "modules", MODULE, files=FILES)
    live = Live(replace(settings, modules_dir=tmp_path / "modules"))
    app = live.ensure()
    with app.app_context():
        lifecycle.activate(
            actor=STAFF, modules_dir=app.settings.modules_dir, module_type="Product", name="Echo"
        )
    app = live.ensure()
    with app.app_context():
        staff.create_staff(actor=CLI, email="owner@panel.test", name="Owner", password=PASSWORD)
        viewer = staff.save_role(
            actor=CLI, uuid=None, name="Viewer", permissions=["Product-Echo-view-servers"]
        )
        staff.create_staff(
            actor=CLI,
            email="viewer@panel.test",
            name="Viewer",
            password=PASSWORD,
            role_uuids=[viewer.uuid],
        )
    return app.test_client()


def sign_in(client: FlaskClient, who: str = "owner") -> str:
    token = token_of(client.get("/admin/signin").text)
    answer = client.post(
        "/admin/signin",
        data={"csrf_token": token, "email": f"{who}@panel.test", "password": PASSWORD},
    )
    assert answer.status_code == 302, answer.text
    return token_of(client.get("/admin/modules/Product/Echo/text").text)


def token_of(page: str) -> str:
    match = re.search(r'name="csrf[-_]token"[^>]*(?:value|content)="([^"]+)"', page)
    assert match, page
    return match[1]


BASE = "/admin/modules/Product/Echo"


def test_module_pages_require_sign_in_and_permission(client: FlaskClient) -> None:
    assert client.get(f"{BASE}/servers").status_code == 302
    assert client.delete("/admin/api/modules/Product/Echo/servers/1").status_code in (400, 401)
    token = sign_in(client, "viewer")
    assert client.get(f"{BASE}/servers").status_code == 200
    assert client.post(f"{BASE}/save", data={"csrf_token": token}).status_code == 403
    assert client.get(f"{BASE}/allowed").json == {"view": True, "manage": False}
    assert client.get("/admin/services/").status_code == 403


def test_pages_use_the_staff_layout(client: FlaskClient) -> None:
    sign_in(client)
    page = client.get(f"{BASE}/servers?q=x").text
    assert "<h1>Cloud Servers</h1>" in page
    assert re.search(r"<title>Cloud Servers · [^·<]+ · ", page), (
        "of which module is said where two have the same page"
    )
    assert "/admin/modules/Product/Echo/edit/7" in page
    assert "&#39;q&#39;: &#39;x&#39;" in page
    assert 'name="csrf_token"' in page
    assert "/admin/signout" in page
    assert client.get(f"{BASE}/edit/a-b").text.count("editing a-b") == 1
    assert client.get(f"{BASE}/document").text == "<!doctype html><p>whole"
    again = client.get(f"{BASE}/rejected")
    assert again.status_code == 422
    assert "/admin/signout" in again.text
    part = client.get(f"{BASE}/text", headers={"HX-Request": "true"})
    assert part.text == "<b>plain</b>"


@pytest.mark.parametrize(
    ("uri", "code", "body"),
    [
        ("dict", 422, {"status": "error", "message": "no", "code": 422}),
        ("pair", 409, {"success": False}),
        ("result", 507, {"status": "error", "message": "no room", "code": 507}),
        ("response", 404, {"error": "Server not found"}),
        ("nothing", 204, None),
        ("allowed", 200, {"view": True, "manage": True}),
    ],
)
def test_every_documented_return_value(client: FlaskClient, uri: str, code: int, body: Any) -> None:
    sign_in(client)
    answer = client.get(f"{BASE}/{uri}")
    assert answer.status_code == code
    assert answer.get_json(silent=True) == body


def test_redirects_and_http_errors_pass_through(client: FlaskClient) -> None:
    sign_in(client)
    assert client.get(f"{BASE}/away").location == f"{BASE}/servers"
    assert client.get(f"{BASE}/forbidden").status_code == 403
    away = client.get(f"{BASE}/conflict")
    assert away.status_code == 503
    assert "The cloud is away." in away.text
    assert client.get(f"{BASE}/missing").status_code == 404


@pytest.mark.parametrize("uri", ["boom", "leave"])
def test_a_failing_page_affects_only_itself(client: FlaskClient, uri: str) -> None:
    sign_in(client)
    answer = client.get(f"{BASE}/{uri}")
    assert answer.status_code == 500
    assert answer.headers["X-Request-ID"] in answer.text
    assert "secret detail" not in answer.text
    assert client.get(f"{BASE}/servers").status_code == 200
    if uri == "boom":
        api = client.get("/admin/api/modules/Product/Echo/boom")
        assert api.status_code == 500
        assert api.json is not None
        assert api.json["reference"] == api.headers["X-Request-ID"]


def test_tracebacks_are_shown_under_dev_on_this_machine(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(path: str, address: str = "127.0.0.1") -> Any:
        return client.get(path, environ_base={"REMOTE_ADDR": address})

    api = "/admin/api/modules/Product/Echo/boom"
    sign_in(client)
    assert "secret detail" not in get(f"{BASE}/boom").text + get(api).text
    settings = client.application.extensions["puqpanel-settings"]
    monkeypatch.setitem(
        client.application.extensions, "puqpanel-settings", replace(settings, dev=True)
    )
    assert "EchoController.py&#34;, line " in get(f"{BASE}/boom").text
    assert "ValueError: secret detail" in get(api).json["traceback"][-1]
    assert "secret detail" not in get(f"{BASE}/servers").text, "of an earlier request"
    assert "secret detail" not in get(f"{BASE}/boom", "10.1.2.3").text
    assert "traceback" not in get(api, "10.1.2.3").json
    proxied = client.get(api, headers={"X-Forwarded-For": "203.0.113.9"})
    assert proxied.json is not None
    assert "traceback" not in proxied.json
    viewer = client.application.test_client()
    sign_in(viewer, "viewer")
    calls.failure.set("of another request")
    refused = viewer.get("/admin/staff/", environ_base={"REMOTE_ADDR": "127.0.0.1"})
    assert (refused.status_code, "of another request" in refused.text) == (403, False)


def test_forms_and_json_require_the_csrf_token(client: FlaskClient) -> None:
    token = sign_in(client)
    assert client.post(f"{BASE}/save", data={"name": "x"}).status_code == 400
    sent = client.post(
        f"{BASE}/save?page=2", data={"csrf_token": token, "name": "x", "tags[]": ["a", "b"]}
    )
    assert sent.json == {
        "success": True,
        "data": {"got": {"page": "2", "name": "x", "tags": ["a", "b"]}, "name": "x"},
    }
    sent = client.post(f"{BASE}/save", json={"name": 3}, headers={"X-CSRFToken": token})
    assert sent.json is not None
    assert sent.json["data"]["name"] == 3
    gone = client.delete(
        "/admin/api/modules/Product/Echo/servers/9", headers={"X-CSRFToken": token}
    )
    assert (gone.status_code, gone.json) == (410, {"success": False, "message": "gone", "id": "9"})


def test_every_route_declares_its_permission(client: FlaskClient) -> None:
    for rule in client.application.url_map.iter_rules():
        if rule.endpoint.startswith("mod_"):
            access = declared(client.application.view_functions[rule.endpoint])
            assert access and access.permissions[0].startswith("Product-Echo-")


CLIENT = """
    from puqpanel.sdk import Product, json_success, reading

    class Echo(Product):
        def getClientAreaMenuConfig(self):
            return {"general": {"name": "General", "template": "client_area.general"}, "console": {"name": "C", "template": "client_area.general"}}
        def variables_general(self):
            return {"seen": self.service_uuid}
        def variables_console(self):
            raise ValueError("inner")
        def controllerClient_generalGet(self, request):
            return json_success({"q": request.input("q"), "service": self.service_uuid})
        @reading
        def controller_client_general_usage(self, request):
            return {"status": "success"}

        def controller_client_general_restart_now(self, request):
            return {"status": "success"}
        def controllerClient_consoleBoom(self, request):
            raise ValueError("inner")
        def controller_client_hidden_get(self, request):
            return "never"
"""


@pytest.fixture
def customer(settings: Settings, tmp_path: Path) -> tuple[FlaskClient, str]:
    """A signed-in user's browser, and the URL of a pending service."""
    write_module(
        tmp_path / "modules",
        CLIENT,
        files={"views/client_area/general.html": "<p>seen {{ seen }}</p>"},
    )
    live = Live(replace(settings, modules_dir=tmp_path / "modules"))
    app = live.ensure()
    with app.app_context():
        lifecycle.activate(
            actor=STAFF, modules_dir=app.settings.modules_dir, module_type="Product", name="Echo"
        )
    app = live.ensure()
    with app.app_context():
        service = make_service(STAFF)
        settlement.set_provision_status(service_uuid=service.uuid, status="processing")
        with transaction():
            services.find_service(service.uuid).status = "active"
    client = app.test_client()
    token = token_of(client.get("/client/signin").text)
    client.post(
        "/client/signin",
        data={"csrf_token": token, "email": "astrid@lumen.test", "password": PASSWORD},
    )
    return client, f"/client/services/{service.uuid}"


def test_client_area_tabs(customer: tuple[FlaskClient, str]) -> None:
    client, base = customer
    page = client.get(f"{base}/general").text
    assert f"<p>seen {base.rpartition('/')[2]}</p>" in page
    broken = client.get(f"{base}/console")
    assert broken.status_code == 200
    assert "inner" not in broken.text
    assert client.get(f"{base}/hidden").status_code == 404


def test_tabs_and_fragments_show_tracebacks_under_dev(
    customer: tuple[FlaskClient, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, base = customer
    extensions = client.application.extensions
    dev = replace(extensions["puqpanel-settings"], dev=True)
    monkeypatch.setitem(extensions, "puqpanel-settings", dev)
    page = client.get(f"{base}/console").text
    assert "ValueError: inner" in page
    sent = client.post(f"{base}/console/api/boom", headers={"X-CSRFToken": token_of(page)})
    assert sent.json is not None
    assert sent.json["traceback"][-1] == "ValueError: inner"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "general/api/get", 200),
        ("POST", "general/api/get", 405),
        ("POST", "general/api/restart_now", 200),
        ("GET", "general/api/restart_now", 405),
        ("GET", "general/api/usage", 200),
        ("GET", "general/api/nothing", 404),
        ("GET", "hidden/api/get", 404),
        ("GET", "general/api/Get", 404),
        ("POST", "console/api/boom", 500),
    ],
)
def test_client_area_ajax(
    customer: tuple[FlaskClient, str], method: str, path: str, code: int
) -> None:
    client, base = customer
    token = token_of(client.get(f"{base}/general").text)
    answer = client.open(f"{base}/{path}?q=1", method=method, headers={"X-CSRFToken": token})
    assert answer.status_code == code
    assert "inner" not in answer.text
    if path.endswith("/get") and code == 200:
        assert answer.json == {
            "success": True,
            "data": {"q": "1", "service": base.rpartition("/")[2]},
        }
