"""The texts' VPS example, in the vendor's spelling, through the whole way: activate, create in a worker, status check, client area."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.actors import Actor
from puqpanel.host import calls, registry
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live
from puqpanel.models import ModuleLog, Service, Task
from puqpanel.operations import modules, provisioning
from puqpanel.operations.services import find_service
from puqpanel.sdk import decrypt
from tests.conftest import STAFF
from tests.sample import make_service, write_module
from tests.sdk.ports import VIEWS, VPS


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    folder = tmp_path / "modules"
    write_module(folder, VPS, name="VPSHosting", files=VIEWS)
    (folder / "Product/VPSHosting/config.py").write_text(f"CONFIG = {{'name': 'VPS', 'version': '1.0.0', 'api_url': '{tmp_path.name}'}}\n")
    return replace(settings, modules_dir=folder)


def switch_on(panel: Panel) -> None:
    modules.activate(actor=STAFF, modules_dir=panel.settings.modules_dir, module_type="Product", name="VPSHosting")
    registry.install(registry.load(panel.settings.modules_dir, modules.wanted(), modules.generation()))


def test_the_whole_way(panel: Panel, staff: Actor, drain: Callable[..., None]) -> None:
    switch_on(panel)
    service = make_service(staff, "Product/VPSHosting", {"location": "eu-west-1"})
    with transaction():
        find_service(service.uuid).service_data = {"hostname": "box.lumen.test"}
    result = provisioning.request(actor=staff, service_uuid=service.uuid, verb="create")
    assert result.ok, result
    drain(4)
    release()
    found = session().scalar(sa.select(Service).where(Service.uuid == service.uuid).execution_options(populate_existing=True))
    assert found is not None
    tasks = session().scalars(sa.select(Task).order_by(Task.id)).all()
    notes = [(t.title, t.status, t.note) for t in tasks]
    assert [t.status for t in tasks] == ["completed", "completed", "completed"], notes
    assert (found.status, found.provision_status) == ("active", "completed"), notes
    # What get_service_data generated before the job is kept, encrypted, and is the password that went to the provider.
    password = found.provision_data["root_password"]
    assert len(password) == 12
    table = sa.table("mod_product_vpshosting_vps_servers", *(sa.column(n) for n in ("root_password", "status", "ip_address", "server_specs")))
    row = session().execute(sa.select(table)).one()
    assert decrypt(row.root_password) == password
    assert (row.status, row.ip_address) == ("active", "203.0.113.7")
    specs = row.server_specs
    assert json.loads(specs)["location"] == "eu-west-1" if isinstance(specs, str) else specs["location"] == "eu-west-1"
    levels = session().scalars(sa.select(ModuleLog.action).where(ModuleLog.service_uuid == service.uuid, ModuleLog.task_id.is_not(None))).all()
    assert "createJob" in levels
    assert "statusCheckJob" in levels
    assert {tag.tag for tag in tasks[-1].tags} == {"status_check", "vps"}

    # The verbs written out, and one that only has its job.
    assert provisioning.request(actor=staff, service_uuid=service.uuid, verb="suspend").ok
    drain(2)
    release()
    assert find_service(service.uuid).status == "suspended"
    assert provisioning.request(actor=staff, service_uuid=service.uuid, verb="terminate").ok
    drain(2)
    release()
    assert find_service(service.uuid).provision_status == "terminated"


def test_activate_twice_deactivate_and_again(panel: Panel) -> None:
    switch_on(panel)
    loaded = registry.current().modules["Product/VPSHosting"]
    for method in ("activate", "activate", "deactivate", "deactivate", "activate"):
        assert calls.invoke(loaded, method).value == "success"
    count = sa.text("select count(*) from mod_product_vpshosting_vps_images")
    assert session().scalar(count) == 2


def test_product_data_in_the_documented_shapes(panel: Panel) -> None:
    switch_on(panel)
    loaded = registry.current().modules["Product/VPSHosting"]
    good = calls.invoke(loaded, "save_product_data", {"cpu_cores": "4", "location": "eu-west-1", "backup_enabled": "1"}).result
    assert good.ok
    assert good.code == 200
    bad = calls.invoke(loaded, "saveProductData", {"cpu_cores": "64", "location": "moon"}).result
    assert not bad.ok
    assert bad.code == 422
    assert bad.errors == {
        "cpu_cores": ["The cpu cores must be at most 32."],
        "location": ["The location must be one of us-east-1, us-west-1, eu-west-1."],
    }
    assert bad.message == "The cpu cores must be at most 32."


def test_client_area(settings: Settings, live: Live) -> None:
    app = live.ensure()
    with app.app_context():
        modules.activate(actor=STAFF, modules_dir=settings.modules_dir, module_type="Product", name="VPSHosting")
    app = live.ensure()
    with app.app_context():
        service = make_service(STAFF, "Product/VPSHosting")
        loaded = registry.current().modules["Product/VPSHosting"]
        page: Any = calls.invoke(loaded, "client_tab", "general", service_uuid=service.uuid)
        assert page.value == "<p> VPS VPSHosting</p>", page
        assert calls.invoke(loaded, "client_tab", "other", service_uuid=service.uuid).error == "There is no such tab."
