"""Staff pages and client area tabs of VPSHosting."""

from __future__ import annotations

import html
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.infra.db import session, transaction
from puqpanel.models import ModuleLog, Role
from puqpanel.operations.accounts import clients, staff
from tests.fakes.digitalocean import DigitalOceanServer, Snapshot
from tests.modules.test_pages import IsolatedBrowser, customer
from tests.modules.test_vpshosting import KEY, VpsHarness, cloud, harness, only_droplet, served
from tests.sample import PASSWORD
from tests.web.conftest import Browser

__all__ = ["cloud", "harness", "served"]  # fixtures of the other test file
AT = "/admin/modules/Product/VPSHosting"
JSON, HTML = {"Accept": "application/json"}, {"Accept": "text/html"}


@pytest.fixture
def owner(served: Panel) -> Browser:
    """Sign in as staff with all permissions."""
    staff.create_staff(
        actor=AUTOMATION, email="owner@panel.test", name="Olga Owner", password=PASSWORD
    )
    return IsolatedBrowser(served).sign_in("owner@panel.test", password=PASSWORD)


def test_accounts(owner: Browser, cloud: DigitalOceanServer) -> None:
    account = {
        "name": "main",
        "api_token": cloud.token,
        "api_url": cloud.url + "/",
        "max_servers": "",
        "active": "y",
    }
    assert "No accounts yet" in owner.get(f"{AT}/accounts").text
    assert 'value="https://api.digitalocean.com"' in owner.get(f"{AT}/accounts/add").text
    rejected = owner.post(f"{AT}/accounts/add", {**account, "name": "", "api_token": ""})
    assert (
        rejected.status_code,
        "Enter an API token." in rejected.text,
        'id="name-e"' in rejected.text,
    ) == (422, True, True)
    assert owner.post(f"{AT}/accounts/add", account).status_code == 302
    duplicate = owner.post(f"{AT}/accounts/add", {**account, "name": "MAIN"})
    assert (duplicate.status_code, "Another account has this name." in duplicate.text) == (
        422,
        True,
    )
    listed = owner.get(f"{AT}/accounts").text
    assert (f">{cloud.url}<" in listed, cloud.token in listed) == (True, False)
    owner.post(f"{AT}/accounts/1/test")
    assert (
        "The panel can read its servers. Server limit at DigitalOcean: 25."
        in owner.get(f"{AT}/accounts").text
    )
    cloud.token = "another"
    owner.post(f"{AT}/accounts/1/test")
    assert "rejected the API token of main" in owner.get(f"{AT}/accounts").text
    form = owner.get(f"{AT}/accounts/1").text
    assert (cloud.url in form, account["api_token"] in form, "Leave blank to keep" in form) == (
        True,
        False,
        True,
    )
    assert (
        owner.post(f"{AT}/accounts/1", {**account, "api_token": "", "max_servers": "7"}).status_code
        == 302
    )
    moved = owner.post(
        f"{AT}/accounts/1", {**account, "api_token": "", "api_url": "https://elsewhere.example"}
    )
    assert (
        moved.status_code,
        "Enter this again, because “API URL” was changed." in moved.text,
    ) == (
        422,
        True,
    ), "the saved token is sent to the URL it was entered for only"
    cloud.token = account["api_token"]
    owner.post(f"{AT}/accounts/1/test")
    assert "Connected to main." in owner.get(f"{AT}/accounts").text, "the saved token is unchanged"
    assert owner.post(f"{AT}/accounts/1/delete").status_code == 302
    for path in ("accounts/1", "accounts/x", "accounts/99999999999999999999", "accounts/1/delete"):
        assert owner.get(f"{AT}/{path}").status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("api_url", "http://api.digitalocean.com", "is sent unencrypted"),
        ("api_url", "ftp://api.digitalocean.com", "Enter a URL such as"),
        ("api_url", "https://", "Enter a URL such as"),
        ("api_url", "https://me:secret@api.digitalocean.com", "Enter a URL such as"),
        ("api_url", "https://api.digitalocean.com:99999", "Enter a URL such as"),
        ("api_url", "https://api.digitalocean.com/?a=b", "Enter a URL such as"),
        ("api_url", "https://api.digitalocean.com/v2/", "Remove /v2"),
        ("api_token", "two words", "single word"),
        ("max_servers", "-1", "at least 0"),
        ("max_servers", "many", "Enter a whole number"),
    ],
)
def test_invalid_accounts(owner: Browser, field: str, value: str, sentence: str) -> None:
    data = {
        "name": "main",
        "api_token": "dop_v1_x",
        "api_url": "https://api.digitalocean.com",
        "max_servers": "",
        field: value,
    }
    rejected = owner.post(f"{AT}/accounts/add", data)
    assert (
        rejected.status_code,
        f'id="{field}-e"' in rejected.text,
        "Enter 0 to" in rejected.text or sentence in rejected.text,
    ) == (422, True, True)
    assert "No accounts yet" in owner.get(f"{AT}/accounts").text


def test_account_with_servers_can_not_be_deleted(
    owner: Browser, harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.ready(cloud)
    assert "main has the server of a service." in owner.get(f"{AT}/accounts/1/delete").text
    assert owner.post(f"{AT}/accounts/1/delete").status_code == 409
    assert harness.finish(uuid, "termination_job").ok
    assert owner.post(f"{AT}/accounts/1/delete").status_code == 302


def test_images_are_refreshed_and_toggled(
    owner: Browser, harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    assert "Not yet updated" in owner.get(f"{AT}/images").text
    owner.post(f"{AT}/images/refresh")
    assert "Add an account first" in owner.get(f"{AT}/images").text
    harness.account(cloud)
    cloud.fail("500", path="images")
    owner.post(f"{AT}/images/refresh")
    assert "an internal error" in owner.get(f"{AT}/images").text
    images, cloud.images = cloud.images, {}
    owner.post(f"{AT}/images/refresh")
    page = owner.get(f"{AT}/images").text
    assert ("the list was not changed" in page, "Withdrawn" in page) == (True, False)
    cloud.images = images
    owner.post(f"{AT}/images/refresh")
    page = owner.get(f"{AT}/images").text
    assert (
        "1 new, 3 withdrawn" in page,
        "Fedora 43" in page,
        page.count("Withdrawn"),
    ) == (True, True, 3)
    image = session().scalar(
        sa.select(harness.images).where(harness.images.image_id == "debian-12")
    )
    assert owner.post(f"{AT}/images/{image.id}/switch", {"active": "no"}).status_code == 302
    assert "Debian 12 deactivated" in owner.get(f"{AT}/images").text
    owner.post(f"{AT}/images/refresh")
    assert "Inactive" in owner.get(f"{AT}/images").text, "an update keeps it inactive"
    assert owner.post(f"{AT}/images/9999/switch", {"active": "no"}).status_code == 404


def test_view_permission_does_not_allow_changes(
    served: Panel, owner: Browser, harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    harness.account(cloud)
    with transaction() as current:
        current.add(Role(name="Viewer", permissions=["Product-VPSHosting-view-accounts"]))
    role = session().scalar(sa.select(Role).where(Role.name == "Viewer"))
    assert role is not None
    staff.create_staff(
        actor=AUTOMATION,
        email="clerk@panel.test",
        name="Carl",
        password=PASSWORD,
        role_uuids=[role.uuid],
    )
    clerk = IsolatedBrowser(served).sign_in("clerk@panel.test", password=PASSWORD)
    pages = [clerk.get(f"{AT}/{path}") for path in ("accounts", "images")]
    assert [(page.status_code, "<form" in page.text.split("<main")[-1]) for page in pages] == [
        (200, False)
    ] * 2
    assert [
        clerk.get(f"{AT}/{path}").status_code
        for path in ("accounts/add", "accounts/1", "accounts/1/delete")
    ] == [403] * 3
    assert [
        clerk.post(f"{AT}/{path}").status_code
        for path in ("accounts/add", "accounts/1/test", "images/refresh", "images/1/switch")
    ] == [403] * 4


def test_products_without_a_matching_size_are_rejected(
    owner: Browser, harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    service = harness.service(harness.add_default_service(cloud))
    where = f"/admin/products/{service.product.uuid}/settings"
    fine = {
        "cpu_cores": "4",
        "ram_mb": "8192",
        "disk_gb": "100",
        "bandwidth_gb": "1000",
        "location": "us-west-1",
        "image_id": "debian-12",
        "account": "0",
        "snapshot_limit": "2",
    }
    assert owner.post(where, fine).status_code == 302
    page = owner.get(where).text
    assert ("s-4vcpu-8gb" in page, "sfo3" in page) == (True, True)
    rejected = owner.post(where, {**fine, "cpu_cores": "32", "ram_mb": "65536", "disk_gb": "1000"})
    assert (
        rejected.status_code,
        "at most 16 CPU cores or 800 GB of disk." in rejected.text,
        'id="disk_gb-e"' in rejected.text,
    ) == (422, True, True)
    assert 'value="65536"' in rejected.text, "the input is kept"
    for field, value in (
        ("cpu_cores", "33"),
        ("cpu_cores", "0"),
        ("ram_mb", "511"),
        ("ram_mb", "65537"),
        ("disk_gb", "9"),
        ("disk_gb", "1001"),
        ("bandwidth_gb", "99"),
        ("location", "moon-1"),
        ("image_id", "beos-5"),
        ("snapshot_limit", "26"),
        ("account", "7"),
    ):
        rejected = owner.post(where, {**fine, field: value})
        assert (rejected.status_code, f'id="{field}-e"' in rejected.text) == (422, True), field
    assert harness.service(service.uuid).product.config["disk_gb"] == 100


def test_invalid_services(owner: Browser, harness: VpsHarness, cloud: DigitalOceanServer) -> None:
    uuid = harness.add_default_service(cloud)
    where = f"/admin/services/{uuid}/settings"
    fine = {"hostname": "web1", "image_id": "debian-12", "ssh_keys": KEY, "root_password": ""}
    for field, value in (
        ("hostname", "-a"),
        ("hostname", "a b"),
        ("hostname", "a" * 64),
        ("image_id", "beos-5"),
        ("ssh_keys", "rubbish"),
        ("ssh_keys", "-----BEGIN OPENSSH PRIVATE KEY-----"),
        ("ssh_keys", "\n".join(["1"] * 21)),
        ("root_password", "short"),
    ):
        rejected = owner.post(where, {**fine, field: value})
        assert (rejected.status_code, f'id="{field}-e"' in rejected.text) == (422, True), (
            field,
            value,
        )
    assert owner.post(where, {**fine, "ssh_keys": f"{KEY}\n\n 512190 "}).status_code == 302
    assert harness.service(uuid).service_data["ssh_keys"] == [KEY, "512190"]
    assert KEY in owner.get(where).text


def open_tab(harness: VpsHarness, cloud: DigitalOceanServer, **config: Any) -> tuple[str, str]:
    """Create a server; return its service's uuid and address in the client area."""
    uuid = harness.ready(cloud, **config)
    return uuid, f"/client/services/{uuid}"


def test_overview(harness: VpsHarness, cloud: DigitalOceanServer, served: Panel) -> None:
    uuid, at = open_tab(harness, cloud)
    password, astrid = harness.row(uuid).root_password, customer(served)
    before = len(cloud.requests)
    page = astrid.get(f"{at}/general").text
    assert len(cloud.requests) == before, "the page does not wait for DigitalOcean"
    for text in (
        only_droplet(cloud).address,
        "web1.lumen.test",
        "Amsterdam",
        "Ubuntu 24.04 LTS",
        "60 GB",
    ):
        assert text in page
    assert (password in page, "Running" in page) == (False, False)
    asked = astrid.get(f"{at}/general?state=1").text
    assert ("Running" in asked, "Force restart" in asked, "Start server" in asked) == (
        True,
        True,
        False,
    )
    fragment = astrid.get(f"{at}/general/api/state", headers={"HX-Request": "true"}).text
    assert ("<html" in fragment, "Running" in fragment) == (False, True)
    asked = astrid.get(f"{at}/general?state=1&ask=stop").text
    assert (
        "offline until you start it" in asked,
        'value="stop"' in asked,
        'value="stop"' in fragment,
    ) == (True, True, False)
    assert astrid.get(f"{at}/general?state=1&ask=<b>").status_code == 200
    assert astrid.get(f"{at}/general/api/state", headers=JSON).json == {
        "status": "success",
        "data": {"state": "on"},
    }
    cloud.fail("500", times=2)
    assert astrid.get(f"{at}/general/api/state").status_code == 503
    assert "Unknown" in astrid.get(f"{at}/general/api/state", headers={"HX-Request": "true"}).text


def test_tabs_in_polish(harness: VpsHarness, cloud: DigitalOceanServer, served: Panel) -> None:
    at, astrid = open_tab(harness, cloud)[1], customer(served)
    for tab, text in (
        ("general", "Twój serwer"),
        ("console", "Połączenie przez SSH"),
        ("snapshots", "Nie ma jeszcze migawek"),
        ("monitoring", "Ruch przychodzący"),
    ):
        page = astrid.get(f"{at}/{tab}", headers={"Accept-Language": "pl"}).text
        assert (text in page, ">Migawki<" in page) == (True, True), tab


def test_power(harness: VpsHarness, cloud: DigitalOceanServer, served: Panel) -> None:
    _uuid, at = open_tab(harness, cloud)
    astrid, where = customer(served), f"{at}/general/api/power"
    assert [
        astrid.get(where).status_code,
        astrid.post(where, {"action": "explode"}).status_code,
        astrid.post(where).status_code,
    ] == [405, 400, 400]
    assert astrid.post(where, {"action": "stop", "csrf_token": ""}).status_code == 400, (
        "without a token"
    )
    cloud.temper.steps = 2
    done = astrid.post(where, {"action": "stop"}, headers=HTML)
    assert (done.status_code, done.location.endswith(f"{at}/general")) == (302, True)
    assert "is shutting down" in astrid.get(f"{at}/general").text
    assert harness.row(_uuid).status == "stopped"
    again = astrid.post(where, {"action": "reboot"}, headers=JSON)
    assert (again.status_code, "Another action is in progress" in again.json["message"]) == (
        409,
        True,
    )
    cloud.temper.steps = 1
    assert (
        "Updating" in astrid.get(f"{at}/general?state=1").text
        or only_droplet(cloud).status == "off"
    )
    assert "Start server" in astrid.get(f"{at}/general?state=1").text
    assert astrid.post(where, {"action": "start"}, headers=JSON).status_code == 200
    astrid.get(f"{at}/general?state=1")
    assert only_droplet(cloud).status == "active"
    for kind, status in (("drop_after", 503), ("401", 503), ("429", 503), ("timeout_after", 503)):
        cloud.fail(kind, method="POST")
        answer = astrid.post(where, {"action": "reboot"}, headers=JSON)
        assert (answer.status_code, "token" in answer.json["message"]) == (status, False), kind
    assert [action.type for action in cloud.actions.values()][:3] == [
        "shutdown",
        "power_on",
        "reboot",
    ]


def test_suspended_server_stays_off(
    harness: VpsHarness, cloud: DigitalOceanServer, served: Panel
) -> None:
    uuid, at = open_tab(harness, cloud)
    assert harness.finish(uuid, "suspend_job").ok
    with transaction():
        service = harness.service(uuid)
        service.status, service.provision_status = (
            ServiceStatus.SUSPENDED,
            ProvisionStatus.SUSPENDED,
        )
    astrid = customer(served)
    page = astrid.get(f"{at}/general?state=1").text
    assert ("Stopped" in page, "Start server" in page) == (True, False)
    assert (
        astrid.post(f"{at}/general/api/power", {"action": "start"}, headers=JSON).status_code == 409
    )
    assert [
        astrid.get(f"{at}/{tab}").status_code for tab in ("console", "snapshots", "monitoring")
    ] == [404] * 3
    assert astrid.post(f"{at}/snapshots/api/create", {"name": "x"}).status_code == 404
    with transaction():
        service = harness.service(uuid)
        service.status, service.provision_status = ServiceStatus.ACTIVE, ProvisionStatus.PROCESSING
    answers = [
        astrid.post(
            f"{at}/{verb}", {"action": "start", "name": "x", "snapshot": "1"}, headers=JSON
        ).status_code
        for verb in (
            "general/api/power",
            "snapshots/api/create",
            "snapshots/api/restore",
            "snapshots/api/remove",
        )
    ]
    assert (answers, only_droplet(cloud).status) == ([409] * 4, "off"), "while a job is in progress"


def test_initial_root_password_requires_post(
    harness: VpsHarness, cloud: DigitalOceanServer, served: Panel
) -> None:
    uuid, at = open_tab(harness, cloud)
    password, astrid, address = (
        harness.row(uuid).root_password,
        customer(served),
        f"{at}/general/api/password",
    )
    assert astrid.get(address).status_code == 405
    answers = [
        astrid.post(address, headers={"Accept": kind}) for kind in ("text/html", "application/json")
    ]
    fragment = astrid.post(address, headers={"HX-Request": "true"})
    page, data = html.unescape(answers[0].text), answers[1].json["data"]
    back = f'href="{at}/general">Back<'
    assert (password in page, back in page, data["password"]) == (True, True, password)
    assert "<html" not in fragment.text
    assert {response.headers["Cache-Control"] for response in [*answers, fragment]} == {"no-store"}
    harness.service(uuid)  # reload
    logged = [
        row.action
        for row in session().scalars(sa.select(ModuleLog).where(ModuleLog.service_uuid == uuid))
    ]
    assert "password shown to the customer" in logged


def test_server_of_another_customer_is_not_found(
    harness: VpsHarness, cloud: DigitalOceanServer, served: Panel
) -> None:
    _uuid, at = open_tab(harness, cloud)
    clients.create_client(
        actor=AUTOMATION, name="Tom Other", email="tom@example.test", user_password=PASSWORD
    )
    tom, before = customer(served, "tom@example.test"), len(cloud.requests)
    for path in (
        "general",
        "console",
        "snapshots",
        "monitoring",
        "general/api/state",
        "console/api/get",
        "snapshots/api/get",
        "monitoring/api/get",
    ):
        assert tom.get(f"{at}/{path}").status_code == 404, path
    for path in (
        "general/api/power",
        "general/api/password",
        "snapshots/api/create",
        "snapshots/api/restore",
        "snapshots/api/remove",
    ):
        assert (
            tom.post(f"{at}/{path}", {"action": "stop", "name": "x", "snapshot": "1"}).status_code
            == 404
        ), path
    assert len(cloud.requests) == before


def test_console(harness: VpsHarness, cloud: DigitalOceanServer, served: Panel) -> None:
    _uuid, at = open_tab(harness, cloud)
    astrid = customer(served)
    page, address = astrid.get(f"{at}/console").text, only_droplet(cloud).address
    assert (f"ssh root@{address}" in page, "cloud.digitalocean.com" in page) == (True, False)
    assert astrid.get(f"{at}/console/api/get").json == {
        "success": True,
        "console_url": f"ssh://root@{address}",
        "command": f"ssh root@{address}",
    }
    assert astrid.post(f"{at}/console/api/get").status_code == 405


def test_snapshots(harness: VpsHarness, cloud: DigitalOceanServer, served: Panel) -> None:
    _uuid, at = open_tab(harness, cloud, snapshot_limit=2)
    astrid, where = customer(served), f"{at}/snapshots"
    assert "No snapshots yet" in astrid.get(where).text
    for name in ("", "x" * 61):
        assert astrid.post(f"{where}/api/create", {"name": name}, headers=JSON).status_code == 422
    astrid.post(f"{where}/api/create", {"name": "before <b>the</b> update"})
    page = astrid.get(where).text
    assert ("Taking a snapshot." in page, "<b>the</b>" in page) == (True, False)
    assert (
        astrid.post(f"{where}/api/create", {"name": "another"}, headers=JSON).status_code == 409
    ), "one at a time"
    cloud._look(only_droplet(cloud))
    page = astrid.get(where).text
    assert ("before &lt;b&gt;the&lt;/b&gt; update" in page, "Restore snapshot" in page) == (
        True,
        True,
    )
    astrid.post(f"{where}/api/create", {"name": "two"})
    cloud._look(only_droplet(cloud))
    full = astrid.post(f"{where}/api/create", {"name": "three"}, headers=JSON)
    assert (
        full.status_code,
        "Snapshot limit reached" in full.json["message"],
        len(cloud.snapshots),
    ) == (409, True, 2)
    assert "Take snapshot" not in astrid.get(where).text
    one = astrid.get(f"{where}/api/get").json["data"]["snapshots"][-1]
    assert (
        astrid.post(f"{where}/api/restore", {"snapshot": one["id"]}, headers=HTML).status_code
        == 302
    )
    assert (
        list(cloud.actions.values())[-1].type,
        list(cloud.actions.values())[-1].asked["image"],
    ) == ("rebuild", int(one["id"]))
    assert "Restoring" in astrid.get(where).text
    cloud._look(only_droplet(cloud))
    assert (
        astrid.post(f"{where}/api/remove", {"snapshot": one["id"]}, headers=HTML).status_code == 302
    )
    assert [snapshot.name for snapshot in cloud.snapshots.values()] == ["two"]
    assert [
        astrid.get(f"{where}/api/{verb}").status_code for verb in ("create", "restore", "remove")
    ] == [405] * 3
    cloud.fail("500", times=9)
    assert "Snapshots are temporarily unavailable." in astrid.get(where).text
    assert [
        astrid.post(f"{where}/api/{verb}", {"name": "x", "snapshot": "1"}, headers=JSON).status_code
        for verb in ("create", "restore", "remove")
    ] == [503] * 3


def test_snapshots_of_other_customers_are_not_accessible(
    harness: VpsHarness, cloud: DigitalOceanServer, served: Panel
) -> None:
    _uuid, at = open_tab(harness, cloud)
    cloud.snapshots[77] = Snapshot(77, "somebody else's", 4711)
    astrid = customer(served)
    for verb in ("restore", "remove"):
        answer = astrid.post(f"{at}/snapshots/api/{verb}", {"snapshot": "77"}, headers=JSON)
        assert (answer.status_code, "Snapshot not found" in answer.json["message"]) == (404, True)
    assert (
        "somebody else" in astrid.get(f"{at}/snapshots").text,
        77 in cloud.snapshots,
        cloud.actions,
    ) == (False, True, {})


def test_plan_without_snapshots(
    harness: VpsHarness, cloud: DigitalOceanServer, served: Panel
) -> None:
    _uuid, at = open_tab(harness, cloud, snapshot_limit=0)
    astrid = customer(served)
    assert "Your plan doesn&#39;t include snapshots" in astrid.get(f"{at}/snapshots").text
    assert astrid.post(f"{at}/snapshots/api/create", {"name": "x"}, headers=JSON).status_code == 409


def test_monitoring(harness: VpsHarness, cloud: DigitalOceanServer, served: Panel) -> None:
    _uuid, at = open_tab(harness, cloud)
    astrid = customer(served)
    page = astrid.get(f"{at}/monitoring").text
    for text in (
        "CPU",
        "Incoming traffic",
        "Outgoing traffic",
        "25 %",
        "<path",
        "Show as table",
        "Last 24 hours",
    ):
        assert text in page, text
    before = len(cloud.seen("GET", "metrics"))
    assert astrid.get(f"{at}/monitoring").status_code == 200
    assert len(cloud.seen("GET", "metrics")) == before, "cached for a minute"
    data = astrid.get(f"{at}/monitoring/api/get?period=hour").json["data"]
    assert (data["period"], data["cpu"][0][1], len(data["inbound"]) > 20) == ("hour", 25.0, True)
    assert astrid.get(f"{at}/monitoring?period=century").status_code == 200
    cloud.temper.figures = False
    assert "No data yet" in astrid.get(f"{at}/monitoring?period=week").text


def test_monitoring_without_the_provider(
    harness: VpsHarness, cloud: DigitalOceanServer, served: Panel
) -> None:
    _uuid, at = open_tab(harness, cloud)
    astrid = customer(served)
    cloud.fail("500", times=2, path="metrics")
    assert "Monitoring data is temporarily unavailable." in astrid.get(f"{at}/monitoring").text
    assert astrid.get(f"{at}/monitoring/api/get").status_code == 503
    assert "<path" in astrid.get(f"{at}/monitoring").text, "failures are not cached"


def test_tabs_before_creation(
    harness: VpsHarness, cloud: DigitalOceanServer, served: Panel
) -> None:
    uuid = harness.add_default_service(cloud)
    at, astrid = f"/client/services/{uuid}", customer(served)
    assert "preparing your server" in astrid.get(f"{at}/general").text
    assert harness.job(uuid, "create_job").pending
    with transaction():
        harness.service(uuid).status = ServiceStatus.ACTIVE
    before = len(cloud.requests)
    for tab in ("general", "console", "snapshots", "monitoring"):
        assert "preparing your server" in astrid.get(f"{at}/{tab}").text, tab
    for path in ("general/api/state", "console/api/get", "snapshots/api/get", "monitoring/api/get"):
        assert astrid.get(f"{at}/{path}").status_code == 404, path
    assert astrid.get(f"{at}/console/api/get").json == {
        "success": False,
        "error": "Server not found",
    }
    assert len(cloud.requests) == before
