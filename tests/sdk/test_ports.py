"""The vendor's VPS example in both spellings, from activation to the client area."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import Principal
from puqpanel.host import calls, registry
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live
from puqpanel.models import ModuleLog, Service, Task
from puqpanel.operations.modules import generation, lifecycle
from puqpanel.operations.provisioning import requests
from puqpanel.operations.provisioning.services import find_service
from puqpanel.sdk import decrypt
from tests.conftest import STAFF
from tests.fakes.faults import FaultyServer, Reply, Seen
from tests.sample import make_service, write_module
from tests.sdk.guide_ports import pep8
from tests.sdk.ports import CLIENT, VIEWS, VPS


class Droplets(FaultyServer):
    """The provider of the example: a new droplet is active at the second look."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = itertools.count()

    def work(self, request: Seen) -> Reply:
        """One answer."""
        droplet = {"id": 4711, "status": "new", "networks": {"v4": []}}
        if request.method == "GET" and next(self.looks):
            droplet |= {
                "status": "active",
                "networks": {"v4": [{"ip_address": "203.0.113.7", "type": "public"}]},
            }
        return Reply.of(
            {"action": {"id": 1}} if request.path.endswith("/actions") else {"droplet": droplet}
        )


@pytest.fixture
def droplets() -> Iterator[Droplets]:
    with Droplets() as server:
        yield server


@pytest.fixture(params=["vendor", "pep8"])
def spelt(request: pytest.FixtureRequest) -> Callable[[str], str]:
    return pep8 if request.param == "pep8" else str


@pytest.fixture
def settings(
    settings: Settings, tmp_path: Path, droplets: Droplets, spelt: Callable[[str], str]
) -> Settings:
    folder = tmp_path / "modules"
    write_module(
        folder,
        spelt(VPS),
        name="VPSHosting",
        files={**VIEWS, "Services/CloudAPIClient.py": spelt(CLIENT)},
    )
    (folder / "Product/VPSHosting/config.py").write_text(
        f"CONFIG = {{'name': 'VPS', 'version': '1.0.0', 'api_url': '{droplets.url}', 'api_key':"
        " 'the-key'}\n"
    )
    return replace(settings, modules_dir=folder)


def switch_on(panel: Panel) -> None:
    lifecycle.activate(
        actor=STAFF,
        modules_dir=panel.settings.modules_dir,
        module_type="Product",
        name="VPSHosting",
    )
    registry.install(
        registry.load(panel.settings.modules_dir, generation.wanted(), generation.current())
    )


def test_order_to_client_area(
    panel: Panel,
    staff: Principal,
    drain: Callable[..., None],
    droplets: Droplets,
    spelt: Callable[[str], str],
) -> None:
    switch_on(panel)
    service = make_service(staff, "Product/VPSHosting", {"location": "eu-west-1"})
    with transaction():
        find_service(service.uuid).service_data = {"hostname": "box.lumen.test"}
    result = requests.request(actor=staff, service_uuid=service.uuid, verb="create")
    assert result.ok, result
    drain(4)
    release()
    found = session().scalar(
        sa.select(Service)
        .where(Service.uuid == service.uuid)
        .execution_options(populate_existing=True)
    )
    assert found is not None
    tasks = session().scalars(sa.select(Task).order_by(Task.id)).all()
    notes = [(t.title, t.status, str(t.note)) for t in tasks]
    assert [t.status for t in tasks] == ["completed", "completed", "completed"], notes
    assert (found.status, found.provision_status) == ("active", "completed"), notes
    # What get_service_data generated before the job is kept, encrypted, and is the password that
    # went to the provider.
    password = found.provision_data["root_password"]
    assert len(password) == 12
    table = sa.table(
        "mod_product_vpshosting_vps_servers",
        *(sa.column(n) for n in ("root_password", "status", "ip_address", "server_specs")),
    )
    row = session().execute(sa.select(table)).one()
    assert decrypt(row.root_password) == password
    assert (row.status, row.ip_address) == ("active", "203.0.113.7")
    specs = row.server_specs
    assert (
        json.loads(specs)["location"] == "eu-west-1"
        if isinstance(specs, str)
        else specs["location"] == "eu-west-1"
    )
    levels = (
        session()
        .scalars(
            sa.select(ModuleLog.action).where(
                ModuleLog.service_uuid == service.uuid, ModuleLog.task_id.is_not(None)
            )
        )
        .all()
    )
    assert {spelt("createJob"), spelt("statusCheckJob")} <= set(levels)
    asked = droplets.seen("POST", "/v2/droplets")[0]
    assert asked.json == {
        "name": "box.lumen.test",
        "image": "ubuntu-20.04",
        "size": "s-1vcpu-1gb",
        "region": "eu-west-1",
        "ssh_keys": [],
    }
    assert asked.headers["authorization"] == "Bearer the-key"
    assert len(droplets.seen("GET", "/v2/droplets/4711")) == 2
    loaded = registry.current().modules["Product/VPSHosting"]
    called = calls.invoke(
        calls.Call(loaded, "controllerClient_consoleGet", (None,), service_uuid=service.uuid)
    )
    assert (called.value.status_code, called.value.json) == (500, {"error": "Console unavailable"})
    assert {tag.tag for tag in tasks[-1].tags} == {"status_check", "vps"}

    # The verbs written out, and one that only has its job.
    assert requests.request(actor=staff, service_uuid=service.uuid, verb="suspend").ok
    drain(2)
    release()
    assert find_service(service.uuid).status == "suspended"
    assert droplets.seen("POST", "/v2/droplets/4711/actions")[0].json == {"action": "power_off"}
    assert requests.request(actor=staff, service_uuid=service.uuid, verb="terminate").ok
    drain(2)
    release()
    assert find_service(service.uuid).provision_status == "terminated"


def test_activate_and_deactivate_are_repeatable(panel: Panel) -> None:
    switch_on(panel)
    loaded = registry.current().modules["Product/VPSHosting"]
    for method in ("activate", "activate", "deactivate", "deactivate", "activate"):
        assert calls.invoke(calls.Call(loaded, method)).value == "success"
    count = sa.text("select count(*) from mod_product_vpshosting_vps_images")
    assert session().scalar(count) == 2


def test_product_data_in_the_documented_shapes(panel: Panel) -> None:
    switch_on(panel)
    loaded = registry.current().modules["Product/VPSHosting"]
    rest = {"ram_mb": "2048", "disk_gb": "25", "bandwidth_gb": "1000"}
    good = calls.invoke(
        calls.Call(
            loaded,
            "save_product_data",
            ({**rest, "cpu_cores": "4", "location": "eu-west-1", "backup_enabled": "1"},),
        )
    ).result
    assert good.ok
    assert good.code == 200
    bad = calls.invoke(
        calls.Call(loaded, "saveProductData", ({**rest, "cpu_cores": "64", "location": "moon"},))
    ).result
    assert not bad.ok
    assert bad.code == 422
    assert bad.errors == {
        "cpu_cores": ["The cpu cores must be at most 32."],
        "location": ["The location must be one of us-east-1, us-west-1, eu-west-1."],
    }
    assert bad.message == "The cpu cores must be at most 32."


def test_provider_refuses(
    panel: Panel, staff: Principal, drain: Callable[..., None], droplets: Droplets
) -> None:
    switch_on(panel)
    service = make_service(staff, "Product/VPSHosting")
    droplets.fail("422")
    assert requests.request(actor=staff, service_uuid=service.uuid, verb="create").ok
    drain(2)
    release()
    found = find_service(service.uuid)
    assert (found.provision_status, str(found.failure)) == (
        "failed",
        "API Error: The provider returned HTTP 422.",
    )


def test_client_area(settings: Settings, live: Live) -> None:
    app = live.ensure()
    with app.app_context():
        lifecycle.activate(
            actor=STAFF, modules_dir=settings.modules_dir, module_type="Product", name="VPSHosting"
        )
    app = live.ensure()
    with app.app_context():
        service = make_service(STAFF, "Product/VPSHosting")
        loaded = registry.current().modules["Product/VPSHosting"]
        page: Any = calls.invoke(
            calls.Call(loaded, "client_tab", ("general",), service_uuid=service.uuid)
        )
        assert page.value == "<p> VPS VPSHosting</p>", page
        assert (
            calls.invoke(
                calls.Call(loaded, "client_tab", ("other",), service_uuid=service.uuid)
            ).error
            == "Tab not found."
        )
