"""The module of the vendor's guide in both spellings, from its pages to the client area."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import Client

from puqpanel.domain.principals import CLI
from puqpanel.host import calls, registry
from puqpanel.infra.db import release, session
from puqpanel.infra.settings import Settings
from puqpanel.live import Live
from puqpanel.models import ModuleLog, Product, Service
from puqpanel.operations.accounts import clients, staff
from puqpanel.operations.catalog import products
from puqpanel.operations.provisioning import services
from tests.conftest import STAFF
from tests.fakes.faults import FaultyServer, Reply, Seen
from tests.sample import PASSWORD, write_module
from tests.sdk.guide_ports import MY_CLOUD_FILES, MY_CLOUD_SERVICE, pep8

BASE = "/admin/modules/Product/MyCloudService"


class Cloud(FaultyServer):
    """The provider of the guide: it takes every account."""

    def work(self, request: Seen) -> Reply:
        """One answer."""
        if request.path == "/missing":
            return Reply.of({"message": "nothing here"}, 404)
        return Reply.of([{"name": "fra-1"}] if request.path == "/servers" else {"id": 7})


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as server:
        yield server


class Person:
    """Somebody signed in, over the swapping WSGI object."""

    def __init__(self, live: Live, area: str, email: str) -> None:
        self.http, self.area = Client(live), area
        assert self.post(f"/{area}/signin", email=email, password=PASSWORD).status_code == 302

    def get(self, path: str) -> Any:
        return self.http.get(path)

    def post(self, path: str, **data: str) -> Any:
        page = self.http.get(f"/{self.area}/signin", follow_redirects=True).text
        found = re.search(r'name="csrf[-_]token"[^>]*?(?:value|content)="([^"]+)"', page)
        assert found, page
        return self.http.post(path, data={"csrf_token": found[1], **data})


@pytest.fixture(params=["vendor", "pep8"])
def spelt(request: pytest.FixtureRequest) -> Callable[[str], str]:
    return pep8 if request.param == "pep8" else str


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, spelt: Callable[[str], str]) -> Settings:
    files = {
        path: spelt(text) if path.endswith(".py") else text for path, text in MY_CLOUD_FILES.items()
    }
    write_module(tmp_path / "modules", spelt(MY_CLOUD_SERVICE), name="MyCloudService", files=files)
    return replace(settings, modules_dir=tmp_path / "modules")


def row(uuid: str) -> Service:
    release()
    found = session().scalar(
        sa.select(Service).where(Service.uuid == uuid).execution_options(populate_existing=True)
    )
    assert found is not None
    return found


def test_order_to_client_area(
    live: Live, cloud: Cloud, spelt: Callable[[str], str], drain: Callable[..., None]
) -> None:
    with live.ensure().app_context():
        staff.create_staff(actor=CLI, email="owner@panel.test", name="Owner", password=PASSWORD)
    olga = Person(live, "admin", "owner@panel.test")
    # The name of the guide's error message is in the page where activation fails.
    switched = olga.post("/admin/modules/switch/Product/MyCloudService/activate")
    assert switched.status_code == 302, switched.text
    page = olga.get("/admin/modules/").text
    assert "activated." in page, page

    # Servers: the module's own page, form and API.
    refused = olga.post(f"{BASE}/servers", name="", ip="nowhere", location="Frankfurt")
    assert refused.status_code == 422
    assert set(refused.json["errors"]) == {"name", "ip"}
    made = olga.post(
        f"{BASE}/servers", name="fra-1", ip="127.0.0.1", location="Frankfurt", port=str(cloud.port)
    )
    assert (made.status_code, made.json) == (
        200,
        {"success": True, "message": "Server created successfully"},
    )
    shown = olga.get(f"{BASE}/servers").text
    assert "<h2>Cloud Servers</h2>" in shown
    assert "fra-1 at 127.0.0.1" in shown

    # A product and a service through their forms.
    with live.ensure().app_context():
        product = products.save_product(
            actor=STAFF, uuid=None, name="Cloud", module="Product/MyCloudService", price="5"
        ).uuid
        client = clients.create_client(
            actor=STAFF, name="Lumen", email="astrid@lumen.test", user_password=PASSWORD
        ).uuid
    form = f"/admin/products/{product}/settings"
    assert 'name="plan_type" value="enterprise"' in olga.get(form).text
    wrong = olga.post(form, server_location="", plan_type="gold", disk_space="-1", bandwidth="x")
    assert wrong.status_code == 422
    assert "The plan type must be one of basic, premium, enterprise." in wrong.text
    assert 'value="-1"' in wrong.text
    right = olga.post(
        form,
        server_location="US-East",
        plan_type="premium",
        disk_space="100",
        bandwidth="1000",
        username_prefix="lu",
    )
    assert right.status_code == 302, right.text
    with live.ensure().app_context():
        kept = session().scalars(sa.select(Product.config)).one()
        assert kept["disk_space"] == "100"
        uuid = services.create_service(
            actor=STAFF, client_uuid=client, product_uuid=product, name="a.lumen.test"
        ).uuid
    form = f"/admin/services/{uuid}/settings"
    bad = olga.post(form, domain="not a domain", username="ab", password="weak", ip_address="1.2.3")
    assert bad.status_code == 422
    assert 'value="not a domain"' in bad.text
    assert (
        olga.post(
            form, domain=" Lumen.test ", username="astrid", password="Passw0rd1", ip_address=""
        ).status_code
        == 302
    )

    # The verbs, in a worker.
    def ask(verb: str, **data: str) -> Service:
        answer = olga.post(f"/admin/services/{uuid}/{verb}", **data)
        assert answer.status_code == 302, answer.text
        drain(2)
        with live.ensure().app_context():
            return row(uuid)

    service = ask("create")
    assert (service.status, service.provision_status) == ("active", "completed"), service.failure
    username, password = service.provision_data["username"], service.provision_data["password"]
    assert re.fullmatch(r"lu\d{6}", username)
    sent = cloud.seen("POST", "/accounts")[0]
    assert sent.json == {"domain": "lumen.test", "username": username, "password": password}
    assert sent.headers["authorization"] == "Bearer the key"
    with live.ensure().app_context():
        logged = (
            session()
            .execute(
                sa.select(ModuleLog.action, ModuleLog.request, ModuleLog.response).where(
                    ModuleLog.service_uuid == uuid
                )
            )
            .all()
        )
    assert {spelt("createJob"), "performance", "POST " + cloud.url + "/accounts"} <= {
        line.action for line in logged
    }
    assert not any(password in line.request + line.response for line in logged)

    # The customer's pages.
    astrid = Person(live, "client", "astrid@lumen.test")
    assert (
        f"<p>{username} on MyCloudService by MyCloudService</p>"
        in astrid.get(f"/client/services/{uuid}/general").text
    )
    assert "No files of" in astrid.get(f"/client/services/{uuid}/files").text
    for _ in range(2):
        assert astrid.get(f"/client/services/{uuid}/general/api/get").json == {
            "success": True,
            "data": [{"name": "fra-1"}],
        }
    assert len(cloud.seen("GET", "/servers")) == 1, "the second came from the cache"

    assert ask("suspend").status == "suspended"
    assert ask("unsuspend").status == "active"
    assert ask("package", product=product, price="keep").provision_status == "completed"

    # The rest of the guide's methods, called as the panel calls a method.
    with live.ensure().app_context():
        loaded = registry.current().modules["Product/MyCloudService"]
        for method, data in {
            "forgetServers": ["value", None, "gone"],
            "everyService": [True, "astrid@lumen.test"],
        }.items():
            called = calls.invoke(calls.Call(loaded, spelt(method), service_uuid=uuid, actor=STAFF))
            assert called.result.ok, called.error
            assert called.result.data == data
        provisioned = [
            calls.invoke(calls.Call(loaded, spelt("provisionAccount"), (how,))).result
            for how in ("misconfigured", "refused", "fine")
        ]
        assert [one.message for one in provisioned] == [
            "Invalid configuration",
            "External service unavailable",
            "",
        ]
        assert provisioned[2].data == [{"name": "fra-1"}]
    ended = ask("terminate", typed="a.lumen.test")
    assert (ended.status, ended.provision_status) == ("terminated", "terminated"), ended.failure

    # Off and on again, and forward.
    assert olga.post("/admin/modules/switch/Product/MyCloudService/deactivate").status_code == 302
    assert olga.get(f"{BASE}/servers").status_code == 404
    assert olga.post("/admin/modules/switch/Product/MyCloudService/activate").status_code == 302
    assert "fra-1" not in olga.get(f"{BASE}/servers").text
    config = live.settings.modules_dir / "Product/MyCloudService/config.py"
    config.write_text(config.read_text().replace("1.0.0", "1.1.0"))
    olga.post("/admin/modules/rescan")
    assert olga.get(f"{BASE}/servers").status_code == 503
    assert olga.post("/admin/modules/switch/Product/MyCloudService/update").status_code == 302
    assert olga.get(f"{BASE}/servers").status_code == 200
    with live.ensure().app_context():
        columns = {
            column["name"]
            for column in sa.inspect(session().connection()).get_columns(
                "mod_product_mycloudservice_cloud_servers"
            )
        }
        assert "new_field" in columns
