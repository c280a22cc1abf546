"""The texts' modules of the other types and the overview's product, in both spellings, as far as their doors are open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.actors import Actor
from puqpanel.host import calls, registry
from puqpanel.host.loader import LoadedModule
from puqpanel.infra.db import release, session
from puqpanel.infra.settings import Settings
from puqpanel.live import Live
from puqpanel.models import ModuleLog, Task
from puqpanel.operations import modules, provisioning
from puqpanel.operations.services import find_service
from tests.conftest import STAFF
from tests.fakes.faults import FaultyServer, Reply, Seen
from tests.sample import make_service, write_module
from tests.sdk import other_ports
from tests.sdk.guide_ports import pep8


class Provider(FaultyServer):
    """Takes everything."""

    def work(self, request: Seen) -> Reply:
        """One answer."""
        return Reply.of({"ok": True})


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        yield server


@pytest.fixture(params=["vendor", "pep8"])
def spelt(request: pytest.FixtureRequest) -> Callable[[str], str]:
    return pep8 if request.param == "pep8" else str


MODULES = {
    "Plugin/ServerMonitoring": other_ports.SERVER_MONITORING,
    "Payment/BankTransfer": other_ports.BANK_TRANSFER,
    "Notification/SlackNotification": other_ports.SLACK,
    "Product/MyNextcloudService": other_ports.MY_NEXTCLOUD,
}


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, spelt: Callable[[str], str], provider: Provider) -> Settings:
    files = {
        "Controllers/ServerMonitoringController.py": spelt(other_ports.MONITORING_CONTROLLER),
        "views/admin_area/dashboard.html": "<h2>{{ title }}</h2>{{ results | length }} results",
        "views/client_area.html": "<p>{{ amount }} {{ currency }} to {{ bank_details.iban }}, {{ reference }} {{ return_url }}</p>",
        "views/settings.html": "<input value='{{ config.webhook_secret }}'>",
    }
    for key, source in MODULES.items():
        kind, _, name = key.partition("/")
        folder = write_module(tmp_path / "modules", spelt(source), type=kind, name=name, files=files)
        (folder / "config.py").write_text(f"CONFIG = {{'name': '{name}', 'version': '1.0.0', 'url': '{provider.url}', 'port': {provider.port}}}\n")
    return replace(settings, modules_dir=tmp_path / "modules")


def switch_on(panel: Panel, key: str) -> LoadedModule:
    kind, _, name = key.partition("/")
    for _ in range(2):
        modules.activate(actor=STAFF, modules_dir=panel.settings.modules_dir, module_type=kind, name=name)
    registry.install(registry.load(panel.settings.modules_dir, modules.wanted(), modules.generation()))
    return registry.current().modules[key]


def test_monitoring(panel: Panel, drain: Callable[..., None]) -> None:
    loaded = switch_on(panel, "Plugin/ServerMonitoring")
    assert {one.key for one in loaded.permissions} == {"Plugin-ServerMonitoring-monitoring-dashboard", "Plugin-ServerMonitoring-monitoring-checks"}
    drain(2)
    release()
    task = session().scalars(sa.select(Task)).one()
    assert (task.status, task.tries, task.duplicates, [tag.tag for tag in task.tags]) == ("completed", 2, 1, ["monitoring", "recurring"]), task.note
    rows = session().execute(sa.text("select status, response_time from mod_plugin_servermonitoring_monitoring_results")).all()
    assert [bool(row.status) for row in rows] == [True]
    live = Live(panel.settings)
    with live.ensure().test_request_context():
        controller = next(route.controller for route in loaded.routes)
        page = calls.invoke(loaded, "dashboard", None, controller=controller)
        assert page.value == "<h2>Monitoring</h2>1 results"
        assert calls.invoke(loaded, "checks", None, controller=controller).value == {"success": True, "data": ["Panel", "Off"]}


def test_bank_transfer(panel: Panel) -> None:
    loaded = switch_on(panel, "Payment/BankTransfer")
    invoice = SimpleNamespace(uuid="5f0c", client=SimpleNamespace(currency=SimpleNamespace(code="EUR")))
    invoice.due_amount = Decimal("12.50")
    invoice.getDueAmountAttribute = lambda: invoice.due_amount
    called = calls.invoke(loaded, "get_client_area_html", {"invoice": invoice})
    assert called.ok, called.error
    assert "12.50 EUR to DE89370400440532013000, BT" in called.value
    assert session().scalar(sa.text("select count(*) from mod_payment_banktransfer_bank_transfer_payments")) == 1
    page = calls.invoke(loaded, "get_settings_page", stored={"module_data": {"webhook_secret": "<w>"}})
    assert page.value == "<input value='&lt;w&gt;'>"


def test_slack(panel: Panel, provider: Provider) -> None:
    loaded = switch_on(panel, "Notification/SlackNotification")
    message = {"to": "a@example.test", "title": "T", "message": "M", "type": "error"}
    assert calls.invoke(loaded, "send", message).result.message == "Webhook URL not configured"
    hook = {"module_data": {"webhook_url": provider.url + "/hook"}}
    assert calls.invoke(loaded, "send", message, stored=hook).result.ok
    assert provider.seen("POST", "/hook")[0].json["attachments"][0]["color"] == "danger"
    refused = calls.invoke(loaded, "send", message | {"to": "nobody"}, stored=hook).result
    assert (refused.code, refused.errors) == (422, {"to": ["The to must be an e-mail address."]})
    provider.fail("500")
    assert calls.invoke(loaded, "send", message, stored=hook).result.message == "Slack API error"
    failed = session().scalars(sa.select(ModuleLog).where(ModuleLog.action == "send", ModuleLog.level == "error")).one()
    assert "Something went wrong" in failed.response


def test_my_nextcloud(panel: Panel, staff: Actor, drain: Callable[..., None], provider: Provider) -> None:
    switch_on(panel, "Product/MyNextcloudService")
    service = make_service(staff, "Product/MyNextcloudService")
    provider.fail("500")
    assert provisioning.request(actor=staff, service_uuid=service.uuid, verb="create").ok
    drain(2)
    release()
    broken = find_service(service.uuid)
    assert (broken.status, broken.provision_status, broken.failure) == ("pending", "failed", "The other side answered 500.")
    # What the text's job changed in service_data is kept although it never calls setProvisionData.
    assert provisioning.request(actor=staff, service_uuid=service.uuid, verb="create").ok
    drain(2)
    release()
    done = find_service(service.uuid)
    assert (done.status, done.provision_status, done.failure) == ("active", "completed", "")
    assert provider.seen("POST")[-1].field("userid") == done.provision_data["username"]
    refused = provisioning.request(actor=staff, service_uuid=service.uuid, verb="suspend")
    assert refused.message == "MyNextcloudService has no suspend_job(), so it cannot do this."
