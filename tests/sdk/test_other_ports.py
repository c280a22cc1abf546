"""The vendor's other example modules, ported in both spellings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import Principal
from puqpanel.host import calls, registry
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import release, session
from puqpanel.infra.settings import Settings
from puqpanel.live import Live
from puqpanel.models import ModuleLog, Task
from puqpanel.operations.modules import generation, lifecycle
from puqpanel.operations.provisioning import requests
from puqpanel.operations.provisioning.services import find_service
from puqpanel.sdk import Invoice, decrypt
from tests.conftest import STAFF
from tests.fakes.faults import FaultyServer, Reply, Seen
from tests.fakes.smtp import MailServer
from tests.sample import make_service, write_module
from tests.sdk import other_ports
from tests.sdk.guide_ports import pep8


class Provider(FaultyServer):
    """Takes everything."""

    def work(self, request: Seen) -> Reply:
        """One answer."""
        return Reply.of(
            {"id": "cs_1", "url": "https://pay/cs_1"}, 404 if request.path == "/missing" else 200
        )


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
    "Notification/MySMTPNotification": other_ports.MY_SMTP,
    "Payment/MyStripePayment": other_ports.MY_STRIPE,
    "Product/MyNextcloudService": other_ports.MY_NEXTCLOUD,
    "Product/ModuleName": other_ports.API_REFERENCE,
}


@pytest.fixture
def settings(
    settings: Settings, tmp_path: Path, spelt: Callable[[str], str], provider: Provider
) -> Settings:
    files = {
        "Controllers/ServerMonitoringController.py": spelt(other_ports.MONITORING_CONTROLLER),
        "views/admin_area/dashboard.html": "<h2>{{ title }}</h2>{{ results | length }} results",
        "views/client_area.html": (
            "{% if session %}<a href='{{ session.url }}'>Pay</a>{% else %}<p>{{ amount }} {{"
            " currency }} to {{ bank_details.iban }}, {{ instructions }}</p>{% endif %}"
        ),
        "views/settings.html": "<input value='{{ config.webhook_secret }}'>",
    }
    for key, source in MODULES.items():
        kind, _, name = key.partition("/")
        folder = write_module(
            tmp_path / "modules", spelt(source), type=kind, name=name, files=files
        )
        (folder / "config.py").write_text(
            f"CONFIG = {{'name': '{name}', 'version': '1.0.0', 'url': '{provider.url}', 'port':"
            f" {provider.port}}}\n"
        )
    return replace(settings, modules_dir=tmp_path / "modules")


def switch_on(panel: Panel, key: str) -> LoadedModule:
    kind, _, name = key.partition("/")
    for _ in range(2):
        lifecycle.activate(
            actor=STAFF, modules_dir=panel.settings.modules_dir, module_type=kind, name=name
        )
    registry.install(
        registry.load(panel.settings.modules_dir, generation.wanted(), generation.current())
    )
    return registry.current().modules[key]


def test_monitoring(panel: Panel, drain: Callable[..., None]) -> None:
    loaded = switch_on(panel, "Plugin/ServerMonitoring")
    assert {one.key for one in loaded.permissions} == {
        "Plugin-ServerMonitoring-monitoring-dashboard",
        "Plugin-ServerMonitoring-monitoring-checks",
    }
    drain(2)
    release()
    task = session().scalars(sa.select(Task)).one()
    assert (task.status, task.tries, task.duplicates, [tag.tag for tag in task.tags]) == (
        "completed",
        2,
        1,
        ["monitoring", "recurring"],
    ), task.note
    rows = {
        row.check_id: row
        for row in (
            session()
            .execute(sa.text("select * from mod_plugin_servermonitoring_monitoring_results"))
            .all()
        )
    }
    assert {key: bool(row.status) for key, row in rows.items()} == {
        1: True,
        2: True,
        3: True,
        4: False,
        5: False,
    }
    assert (rows[4].error_message, rows[2].error_message) == (
        "The provider returned HTTP 404.",
        None,
    )
    assert rows[5].error_message.startswith("169.254.169.254 is not a public address")
    alerts = (
        session().scalars(sa.select(ModuleLog.request).where(ModuleLog.action == "alert")).all()
    )
    assert len(alerts) == 2
    live = Live(panel.settings)
    with live.ensure().test_request_context():
        controller = next(route.controller for route in loaded.routes)
        page = calls.invoke(calls.Call(loaded, "dashboard", (None,), controller=controller))
        assert page.value == "<h2>Monitoring</h2>5 results"
        assert calls.invoke(calls.Call(loaded, "checks", (None,), controller=controller)).value == {
            "success": True,
            "data": ["Port", "Page", "Ping", "Gone", "Inside", "Off"],
        }


def test_bank_transfer(panel: Panel) -> None:
    loaded = switch_on(panel, "Payment/BankTransfer")
    called = calls.invoke(
        calls.Call(loaded, "get_client_area_html", ({"invoice": Invoice.sample()},))
    )
    assert called.ok, called.error
    assert re.fullmatch(
        r"<p>21.90 EUR to DE89370400440532013000, Please quote BT[0-9A-F]{8}</p>", called.value
    )
    row = (
        session()
        .execute(sa.text("select * from mod_payment_banktransfer_bank_transfer_payments"))
        .one()
    )
    assert (row.status, row.currency, row.invoice_uuid) == (
        "awaiting_transfer",
        "EUR",
        Invoice.sample().uuid,
    )
    assert calls.invoke(
        calls.Call(loaded, "get_client_area_html", ({"invoice": Invoice.sample("USD")},))
    ).ok


def test_stripe(panel: Panel, provider: Provider) -> None:
    loaded = switch_on(panel, "Payment/MyStripePayment")
    assert loaded.webhooks == {"get", "post"}
    keys = {"module_data": {"secret_key": "sk-secret-1", "webhook_secret": "<w>", "unknown": 1}}
    called = calls.invoke(
        calls.Call(loaded, "getClientAreaHtml", ({"invoice": Invoice.sample()},), stored=keys)
    )
    assert called.value == "<a href='https://pay/cs_1'>Pay</a>", called.error
    (asked,) = provider.seen("POST", "/v1/checkout/sessions")
    assert (asked.field("amount"), asked.field("currency"), asked.field("description")) == (
        "2190",
        "eur",
        "Invoice #SAMPLE-0001",
    )
    assert asked.headers["authorization"] == "Bearer sk-secret-1"
    assert asked.field("success_url").startswith("http://panel.test/")
    page = calls.invoke(calls.Call(loaded, "get_settings_page", stored=keys))
    assert page.value == "<input value='&lt;w&gt;'>"
    provider.fail("402")
    refused = calls.invoke(
        calls.Call(loaded, "get_client_area_html", ({"invoice": Invoice.sample()},), stored=keys)
    )
    assert refused.raised and "HTTP 402" in refused.error
    with Live(panel.settings).ensure().test_request_context():
        for kind, said in (
            ("payment_intent.succeeded", None),
            ("payment_intent.payment_failed", None),
            ("other", 200),
        ):
            request = SimpleNamespace(all=lambda kind=kind: {"type": kind, "id": "pi_1"})
            answer = calls.invoke(calls.Call(loaded, "api_webhook_post", (request,), stored=keys))
            assert answer.ok, answer.error
            assert answer.value.status_code == said if said else answer.result.ok
        assert (
            calls.invoke(calls.Call(loaded, "apiWebhookGet", (None,))).value.get_data(as_text=True)
            == "ok"
        )
    heard = (
        session()
        .scalars(sa.select(ModuleLog.request).where(ModuleLog.request.contains("pi_1")))
        .all()
    )
    assert len(heard) == 2


def test_smtp(panel: Panel) -> None:
    loaded = switch_on(panel, "Notification/MySMTPNotification")
    message = {"to": "anna@example.test", "subject": "Hello", "message": "<p>Hi</p>"}
    with MailServer("tls", ("panel", "Very-Secret-77")) as server:
        config = {"module_data": server.config()}
        assert calls.invoke(calls.Call(loaded, "send", (message,), stored=config)).result.ok
        (taken,) = server.messages
        assert (taken.recipients, taken.message["Subject"], taken.encrypted) == (
            ["anna@example.test"],
            "Hello",
            True,
        )
        refused = calls.invoke(
            calls.Call(loaded, "send", ({**message, "to": "nobody"},), stored=config)
        ).result
        assert (refused.code, list(refused.errors)) == (422, ["to"])
        server.fault = "recipient"
        assert (
            "no such mailbox"
            in calls.invoke(calls.Call(loaded, "send", (message,), stored=config)).result.message
        )
    logged = session().scalars(sa.select(ModuleLog.response)).all()
    assert not any("Very-Secret" in one for one in logged)


def test_slack(panel: Panel, provider: Provider) -> None:
    loaded = switch_on(panel, "Notification/SlackNotification")
    message = {"to": "a@example.test", "title": "T", "message": "M", "type": "error"}
    assert (
        calls.invoke(calls.Call(loaded, "send", (message,))).result.message
        == "Webhook URL not configured"
    )
    hook = {"module_data": {"webhook_url": provider.url + "/hook"}}
    assert calls.invoke(calls.Call(loaded, "send", (message,), stored=hook)).result.ok
    assert provider.seen("POST", "/hook")[0].json["attachments"][0]["color"] == "danger"
    refused = calls.invoke(
        calls.Call(loaded, "send", (message | {"to": "nobody"},), stored=hook)
    ).result
    assert (refused.code, refused.errors) == (422, {"to": ["The to must be an e-mail address."]})
    provider.fail("302")
    assert (
        calls.invoke(calls.Call(loaded, "send", (message,), stored=hook)).result.message
        == "Slack API error"
    )
    provider.fail("500")
    assert (
        calls.invoke(calls.Call(loaded, "send", (message,), stored=hook)).result.message
        == "The provider returned HTTP 500."
    ), "refusals are raised, as by Guzzle"
    failed = (
        session()
        .scalars(
            sa.select(ModuleLog)
            .where(ModuleLog.action == "send", ModuleLog.level == "error")
            .order_by(ModuleLog.id)
        )
        .all()
    )
    assert [one.request for one in failed] == ["Slack API error", "Slack notification failed"]
    assert "Something went wrong" in failed[0].response


def test_my_nextcloud(
    panel: Panel, staff: Principal, drain: Callable[..., None], provider: Provider
) -> None:
    switch_on(panel, "Product/MyNextcloudService")
    service = make_service(staff, "Product/MyNextcloudService")
    provider.fail("500")
    assert requests.request(actor=staff, service_uuid=service.uuid, verb="create").ok
    drain(2)
    release()
    broken = find_service(service.uuid)
    assert (broken.status, broken.provision_status, str(broken.failure)) == (
        "pending",
        "failed",
        "The provider returned HTTP 500.",
    )
    # What the text's job changed in service_data is kept although it never calls setProvisionData.
    assert requests.request(actor=staff, service_uuid=service.uuid, verb="create").ok
    drain(2)
    release()
    done = find_service(service.uuid)
    assert (done.status, done.provision_status, str(done.failure)) == ("active", "completed", "")
    assert provider.seen("POST")[-1].field("userid") == done.provision_data["username"]
    refused = requests.request(actor=staff, service_uuid=service.uuid, verb="suspend")
    assert (
        refused.message
        == "MyNextcloudService does not support this action: it has no suspend_job()."
    )


def test_examples_of_the_vendor_reference(
    panel: Panel, staff: Principal, drain: Callable[..., None], spelt: Callable[[str], str]
) -> None:
    loaded = switch_on(panel, "Product/ModuleName")
    service = make_service(staff, "Product/ModuleName")
    make_service(staff, "", client=find_service(service.uuid).client)
    call = {"service_uuid": service.uuid}
    for how, message in {
        "away": "Service temporarily unavailable",
        "invalid": "Invalid data provided",
        "broken": "An unexpected error occurred",
        "": "",
    }.items():
        assert (
            calls.invoke(
                calls.Call(loaded, "createJob", stored={"service_data": {"how": how}}, **call)
            ).result.message
            == message
        )
    servers = ["fra-1", "waw-1"]
    assert [calls.invoke(calls.Call(loaded, spelt("getServers"))).result.data for _ in "ab"] == [
        [servers, servers, None, 1],
        [servers, servers, None, 0],
    ]
    assert calls.invoke(calls.Call(loaded, spelt("createUsers"), (2,), **call)).result.data == 2
    assert "too many" in calls.invoke(calls.Call(loaded, spelt("createUsers"), (3,), **call)).error
    assert (
        session().scalar(sa.text("select count(*) from mod_product_modulename_module_table")) == 2
    )
    assert calls.invoke(calls.Call(loaded, spelt("processServices"))).result.data == [
        2,
        ["Cloud 10 of Lumen Atelier"] * 2,
    ]
    good = {"ip": "", "plan": " <b>basic</b> ", "disk_space": "5", "password": "secret-1"}
    saved = calls.invoke(calls.Call(loaded, "save_service_data", (good,))).result
    assert (saved.ok, saved.data["plan"], decrypt(saved.data["password"])) == (
        True,
        "basic",
        "secret-1",
    )
    bad = calls.invoke(
        calls.Call(loaded, "saveServiceData", ({**good, "disk_space": "5000", "ip": "x"},))
    ).result
    assert (bad.code, sorted(bad.errors), bad.message) == (
        422,
        ["disk_space", "ip"],
        "User-friendly error message",
    )
    assert calls.invoke(calls.Call(loaded, "collect")).result.ok
    release()
    task = session().scalars(sa.select(Task).where(Task.title.contains("ollect"))).one()
    assert (
        task.tries,
        task.backoff,
        task.timeout,
        task.max_exceptions,
        [tag.tag for tag in task.tags],
    ) == (1, 10, 600, 2, ["metrics"])
    drain(2)
    release()
    assert session().scalars(sa.select(Task.status).where(Task.id == task.id)).one() == "completed"
    assert session().scalars(
        sa.select(ModuleLog.level).where(ModuleLog.action == "processing_step")
    ).all() == ["debug"]
