"""Staff and client area pages of PuqNextcloud and MyCloudService."""

from __future__ import annotations

import contextvars
import html
import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.infra.db import engine_for, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.models import Audit, Role
from puqpanel.operations.accounts import clients, staff
from tests.fakes.demo_cloud import DemoCloudServer
from tests.fakes.ocs import OcsServer
from tests.modules.test_mycloudservice import MyCloudHarness
from tests.modules.test_puqnextcloud import NextcloudHarness
from tests.sample import PASSWORD
from tests.web.conftest import Browser

NEXTCLOUD, DEMO = "/admin/modules/Product/PuqNextcloud", "/admin/modules/Product/MyCloudService"
SERVER = {
    "name": "cloud-1",
    "group_id": "1",
    "host": "127.0.0.1",
    "username": "panel-admin",
    "password": "app-Password-7f3a91",
    "active": "y",
}


class IsolatedBrowser(Browser):
    """A browser whose requests do not see the context variables of the test."""

    def get(self, path: str, **options: Any) -> TestResponse:
        return contextvars.Context().run(super().get, path, **options)

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        return contextvars.Context().run(super().post, path, data, **options)


@pytest.fixture
def owner(served: Panel) -> Browser:
    """Sign in as staff with all permissions."""
    staff.create_staff(
        actor=AUTOMATION, email="owner@panel.test", name="Olga Owner", password=PASSWORD
    )
    return IsolatedBrowser(served).sign_in("owner@panel.test", password=PASSWORD)


@pytest.fixture
def cloud() -> Iterator[OcsServer]:
    """Run a fake Nextcloud."""
    with OcsServer() as server:
        yield server


def active(harness: NextcloudHarness | MyCloudHarness, uuid: str) -> str:
    """Create the account and activate the service; return its address in the client area."""
    assert harness.job(uuid, "create_job").ok
    with transaction():
        service = harness.service(uuid)
        service.status = ServiceStatus.ACTIVE
    return f"/client/services/{uuid}"


def customer(panel: Panel, email: str = "astrid@lumen.test") -> Browser:
    """Sign in as a customer."""
    return IsolatedBrowser(panel).sign_in(email, "/client", PASSWORD)


def test_groups_and_servers(owner: Browser, cloud: OcsServer, settings: Settings) -> None:
    assert "Add a server group first" in owner.get(f"{NEXTCLOUD}/servers").text
    assert (
        owner.post(
            f"{NEXTCLOUD}/server-groups/add", {"name": "Europe", "allocation": "least_loaded"}
        ).status_code
        == 302
    )
    duplicate = owner.post(
        f"{NEXTCLOUD}/server-groups/add", {"name": "europe", "allocation": "nowhere"}
    )
    assert (
        duplicate.status_code,
        "Another group has this name." in duplicate.text,
        'value="europe"' in duplicate.text,
    ) == (422, True, True)
    rejected = owner.post(f"{NEXTCLOUD}/servers/add", {**SERVER, "host": "no host", "password": ""})
    assert (
        rejected.status_code,
        "Enter a host name" in rejected.text,
        "Enter the administrator&#39;s password." in rejected.text,
    ) == (422, True, True)
    assert (
        owner.post(
            f"{NEXTCLOUD}/servers/add",
            {**SERVER, "host": f"http://127.0.0.1:{cloud.port}/index.php/login"},
        ).status_code
        == 302
    )
    audited = sa.select(Audit).where(Audit.action == "module.page_submitted")
    with engine_for(settings.database_url).connect() as connection:
        entries = connection.execute(audited).all()
    assert [entry.subject_uuid for entry in entries] == ["Product/PuqNextcloud"] * 2, (
        "the group and the server, but not what was rejected"
    )
    assert SERVER["password"] not in str(entries)
    moved = {**SERVER, "host": "127.0.0.1", "port": "1", "ssl": "", "password": ""}
    answer = owner.post(f"{NEXTCLOUD}/servers/1", moved)
    assert (answer.status_code, "was changed." in answer.text) == (422, True)
    listed = owner.get(f"{NEXTCLOUD}/servers").text
    assert (cloud.url in listed, SERVER["password"] in listed) == (True, False)
    assert owner.post(f"{NEXTCLOUD}/servers/1/test").status_code == 302
    assert "Connected to cloud-1 (version 31.0.9)" in owner.get(f"{NEXTCLOUD}/servers").text
    cloud.users[cloud.admin].password = "changed"
    owner.post(f"{NEXTCLOUD}/servers/1/test")
    assert "refused the panel&#39;s credentials" in owner.get(f"{NEXTCLOUD}/servers").text
    form = owner.get(f"{NEXTCLOUD}/servers/1").text
    assert (str(cloud.port) in form, SERVER["password"] in form) == (True, False)
    same = {**SERVER, "port": str(cloud.port), "password": "", "max_accounts": "7"}
    assert owner.post(f"{NEXTCLOUD}/servers/1", same).status_code == 302
    cloud.users[cloud.admin].password = SERVER["password"]
    owner.post(f"{NEXTCLOUD}/servers/1/test")
    assert "can manage its users" in owner.get(f"{NEXTCLOUD}/servers").text, (
        "the saved password is unchanged"
    )
    assert "has 1 server." in owner.get(f"{NEXTCLOUD}/server-groups/1/delete").text
    assert owner.post(f"{NEXTCLOUD}/server-groups/1/delete").status_code == 409
    assert owner.post(f"{NEXTCLOUD}/servers/1/delete").status_code == 302
    assert owner.post(f"{NEXTCLOUD}/server-groups/1/delete").status_code == 302
    for path in ("servers/1", "server-groups/1", "servers/x", "servers/99999999999999999999"):
        assert owner.get(f"{NEXTCLOUD}/{path}").status_code == 404


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"host": "http://cloud.example.com", "ssl": "y"}, "host", "is sent unencrypted"),
        (
            {"host": "https://admin:secret@cloud.example.com"},
            "host",
            "Remove the user name and password",
        ),
        (
            {"host": "https://cloud.example.com/?a=b"},
            "host",
            "may contain only http:// or https://",
        ),
        ({"host": "ftp://cloud.example.com"}, "host", "may contain only http:// or https://"),
        ({"host": "https://cloud.example.com:99999"}, "host", "Enter a host name"),
        ({"host": "https://cloud.example.com/a/../b"}, "path", "contain . or .. as a part"),
        ({"host": "cloud.example.com", "path": "/./b"}, "path", "contain . or .. as a part"),
        ({"host": "cloud..example.com"}, "host", "Enter a host name"),
        ({"host": "admin@cloud.example.com"}, "host", "Enter a host name"),
        ({"host": "ż" * 80}, "host", "Enter a host name"),
    ],
)
def test_invalid_addresses(
    owner: Browser, changed: dict[str, str], field: str, sentence: str
) -> None:
    owner.post(f"{NEXTCLOUD}/server-groups/add", {"name": "Europe", "allocation": "least_loaded"})
    rejected = owner.post(f"{NEXTCLOUD}/servers/add", {**SERVER, **changed})
    assert (
        rejected.status_code,
        f'id="{field}-e"' in rejected.text,
        sentence in rejected.text,
    ) == (
        422,
        True,
        True,
    )
    assert (
        owner.post(
            f"{NEXTCLOUD}/servers/add",
            {**SERVER, "host": "https://cloud.example.com/nc/index.php/login"},
        ).status_code
        == 302
    )
    assert "https://cloud.example.com/nc" in owner.get(f"{NEXTCLOUD}/servers").text


def test_international_addresses_are_accepted(owner: Browser) -> None:
    owner.post(f"{NEXTCLOUD}/server-groups/add", {"name": "Europe", "allocation": "least_loaded"})
    for number, host in enumerate(("chmura.żółć.example", "https://wolke.straße.example/nc")):
        server = {**SERVER, "name": f"n{number}", "host": host}
        assert owner.post(f"{NEXTCLOUD}/servers/add", server).status_code == 302
    page = owner.get(f"{NEXTCLOUD}/servers").text
    assert "chmura.żółć.example" in page
    assert "https://wolke.straße.example/nc" in page


def test_server_with_accounts_can_not_be_deleted(
    served: Panel, owner: Browser, cloud: OcsServer
) -> None:
    harness = NextcloudHarness(served)
    active(harness, harness.add_default_service(cloud))
    assert "has 1 account." in owner.get(f"{NEXTCLOUD}/servers/1/delete").text
    assert owner.post(f"{NEXTCLOUD}/servers/1/delete").status_code == 409
    assert owner.get(f"{NEXTCLOUD}/servers/1").status_code == 200


@pytest.mark.parametrize("base", [NEXTCLOUD, DEMO])
def test_view_permission_does_not_allow_changes(served: Panel, owner: Browser, base: str) -> None:
    with transaction() as current:
        current.add(
            Role(
                name="Viewer",
                permissions=[
                    f"{base.removeprefix('/admin/modules/').replace('/', '-')}-view-servers"
                ],
            )
        )
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
    page = clerk.get(f"{base}/servers")
    assert (page.status_code, "Add server" in page.text) == (200, False)
    assert [
        clerk.get(f"{base}/servers/add").status_code,
        clerk.post(f"{base}/servers/add", SERVER).status_code,
    ] == [403, 403]


def test_nextcloud_tab(served: Panel, cloud: OcsServer) -> None:
    harness = NextcloudHarness(served)
    uuid = harness.add_default_service(cloud)
    at = active(harness, uuid)
    name, account = next(iter(cloud.customers.items()))
    account.signed_in, account.used = True, 4_500 * 1024**2
    astrid = customer(served)
    page = astrid.get(f"{at}/general").text
    assert (cloud.url in page, name in page, account.password in page) == (True, True, False)
    assert "4.4 GB" not in page, "the page does not wait for the server"
    assert "4.4 GB" in astrid.get(f"{at}/general?usage=1").text, (
        "without JavaScript, a link requests it"
    )
    quota = astrid.get(f"{at}/general/api/quota")
    assert quota.json["data"] == {
        "used": account.used,
        "total": 5 * 1024**3,
        "percent": 87.9,
        "tone": "warn",
        "used_text": "4.4 GB",
        "total_text": "5 GB",
        "free_text": "620 MB",
    }
    fragment = astrid.get(f"{at}/general/api/quota", headers={"HX-Request": "true"}).text
    assert ("<html" in fragment, "q-warn" in fragment) == (False, True)
    cloud.fail("500", times=2)
    assert astrid.get(f"{at}/general/api/quota").status_code == 503
    assert (
        "Storage usage is temporarily unavailable."
        in astrid.get(f"{at}/general/api/quota", headers={"HX-Request": "true"}).text
    )


def test_password_requires_post(served: Panel, cloud: OcsServer) -> None:
    harness = NextcloudHarness(served)
    at = active(harness, harness.add_default_service(cloud))
    password = next(iter(cloud.customers.values())).password
    astrid = customer(served)
    address = f"{at}/general/api/password"
    assert astrid.get(address).status_code == 405
    assert astrid.post(address, {"csrf_token": ""}).status_code == 400, "without a token"
    answers = [
        astrid.post(address, headers={"Accept": kind}) for kind in ("text/html", "application/json")
    ]
    fragment = astrid.post(address, headers={"HX-Request": "true"})
    page = html.unescape(answers[0].text)
    assert (password in page, f'href="{at}/general">Back<' in page) == (True, True)
    assert answers[1].json == {"status": "success", "data": {"password": password}}
    assert "<html" not in fragment.text
    assert {response.headers["Cache-Control"] for response in [*answers, fragment]} == {"no-store"}
    clients.create_client(
        actor=AUTOMATION, name="Tom Other", email="tom@example.test", user_password=PASSWORD
    )
    tom = customer(served, "tom@example.test")
    assert [
        tom.get(f"{at}/general").status_code,
        tom.get(f"{at}/general/api/quota").status_code,
        tom.post(address).status_code,
    ] == [404] * 3


def test_a_reset_keeps_what_a_job_saved_meanwhile(
    served: Panel, cloud: OcsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = NextcloudHarness(served)
    uuid = harness.add_default_service(cloud)
    at = active(harness, uuid)
    client = harness.part("services.ocs_client").OcsClient
    send = client.set_password

    def send_while_a_job_saves(self: Any, name: str, password: str) -> Any:
        with transaction():
            service = harness.service(uuid)
            service.provision_data = {**service.provision_data, "user_group": "gold"}
        return send(self, name, password)

    monkeypatch.setattr(client, "set_password", send_while_a_job_saves)
    fragment = customer(served).post(f"{at}/general/api/reset", headers={"HX-Request": "true"})
    assert "The password was reset." in fragment.text
    saved = harness.service(uuid).provision_data
    (account,) = cloud.customers.values()
    assert (saved["user_group"], saved["password"]) == ("gold", account.password)


def test_password_can_be_reset(served: Panel, cloud: OcsServer) -> None:
    harness = NextcloudHarness(served)
    uuid = harness.add_default_service(cloud)
    at = active(harness, uuid)
    account, astrid = next(iter(cloud.customers.values())), customer(served)
    first, address = account.password, f"{at}/general/api/reset"
    page = astrid.get(f"{at}/general").text
    assert ("was set when the account was created" in page, "Reset password" in page) == (
        True,
        True,
    )
    assert astrid.get(address).status_code == 405
    account.password = "changed by the customer"
    fragment = astrid.post(address, headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment.headers["Cache-Control"]) == (200, "no-store")
    assert "The password was reset." in fragment.text
    assert account.password not in (first, "changed by the customer")
    assert account.password in html.unescape(fragment.text)
    assert harness.service(uuid).provision_data["password"] == account.password
    page = astrid.get(f"{at}/general").text
    assert ("set by the reset on" in page, account.password in page) == (True, False)
    page = astrid.post(address, headers={"Accept": "text/html"}).text
    assert account.password in html.unescape(page)
    cloud.dialect.min_password = 99
    kept = account.password
    refused = astrid.post(address, headers={"Accept": "application/json"})
    assert (refused.status_code, "was not reset" in refused.json["message"]) == (503, True)
    assert harness.service(uuid).provision_data["password"] == account.password == kept
    cloud.users.pop(next(iter(cloud.customers)))
    gone = astrid.post(address, headers={"HX-Request": "true"}).text
    assert "no longer exists" in gone
    assert "no longer exists" in astrid.get(f"{at}/general?usage=1").text
    assert astrid.get(f"{at}/general/api/quota").status_code == 410
    cloud.maintenance = "ocs"
    assert "in maintenance" in astrid.get(f"{at}/general?usage=1").text


@pytest.mark.parametrize("kind", ["drop", "drop_after", "500_after", "garbage"])
def test_unconfirmed_reset_is_named(served: Panel, cloud: OcsServer, kind: str) -> None:
    harness = NextcloudHarness(served)
    uuid = harness.add_default_service(cloud)
    at = active(harness, uuid)
    account, astrid = next(iter(cloud.customers.values())), customer(served)
    cloud.fail(kind, method="PUT")
    address, htmx = f"{at}/general/api/reset", {"HX-Request": "true"}
    assert "unknown whether the password was reset" in astrid.post(address, headers=htmx).text
    shown = astrid.post(f"{at}/general/api/password", headers=htmx).text
    assert "may not work" in shown
    assert "in progress" in astrid.post(address, headers=htmx).text, "no two resets at once"
    harness.part("services.credentials").RESET_SECONDS = 0
    again = astrid.post(address, headers=htmx).text
    assert account.password in html.unescape(again)
    assert "may not work" not in again
    assert harness.service(uuid).provision_data["password"] == account.password


def test_half_made_account_shows_no_password(served: Panel, cloud: OcsServer) -> None:
    harness = NextcloudHarness(served)
    uuid = harness.add_default_service(cloud)
    cloud.fail("500", method="POST", path="/users$")
    assert not harness.job(uuid, "create_job").ok
    at, astrid = f"/client/services/{uuid}/general", customer(served)
    page = astrid.get(at).text
    assert ("preparing your storage" in page, "Show password" in page) == (True, False)
    answers = [astrid.post(f"{at}/api/{verb}").status_code for verb in ("password", "reset")]
    assert answers == [404, 404]
    assert harness.job(uuid, "create_job").ok
    assert "Show password" in astrid.get(at).text


def test_tab_before_creation(served: Panel, cloud: OcsServer) -> None:
    harness = NextcloudHarness(served)
    uuid = harness.add_default_service(cloud)
    astrid = customer(served)
    assert "preparing your storage" in astrid.get(f"/client/services/{uuid}/general").text
    assert astrid.get(f"/client/services/{uuid}/general/api/quota").status_code == 404
    assert cloud.requests == []


def test_demo_cloud_servers(owner: Browser) -> None:
    data = {
        "name": "Demo",
        "group_name": "eu-west",
        "host": "127.0.0.1",
        "port": "1",
        "api_key": "a-very-secret-key",
        "max_accounts": "",
        "active": "y",
    }
    rejected = owner.post(f"{DEMO}/servers/add", {**data, "port": "0", "api_key": ""})
    assert (rejected.status_code, 'value="Demo"' in rejected.text) == (422, True)
    assert owner.post(f"{DEMO}/servers/add", data).status_code == 302
    listed = owner.get(f"{DEMO}/servers").text
    assert ("http://127.0.0.1:1" in listed, "a-very-secret-key" in listed) == (True, False)
    address = listed.split('class="name" href="')[1].split('"')[0]
    form = owner.get(address).text
    assert ("eu-west" in form, "a-very-secret-key" in form) == (True, False)
    assert owner.post(address, {**data, "name": "Renamed", "api_key": ""}).status_code == 302
    assert "Renamed" in owner.get(f"{DEMO}/servers").text
    assert owner.get(f"{DEMO}/servers/nothing").status_code == 404


def test_file_manager(served: Panel, tmp_path: Path) -> None:
    with DemoCloudServer(tmp_path / "cloud") as cloud:
        harness = MyCloudHarness(served, cloud)
        at = active(harness, harness.add_default_service())
        astrid = customer(served)
        assert "readme.txt" in astrid.get(f"{at}/files").text
        astrid.post(f"{at}/files/api/folder", {"path": "", "name": "Wörk & more"})
        content = bytes(range(256))
        upload = {"path": "Wörk & more", "file": (io.BytesIO(content), "Übersicht.bin")}
        done = astrid.post(f"{at}/files/api/upload", upload, content_type="multipart/form-data")
        assert (done.status_code, done.location) == (302, f"{at}/files?path=W%C3%B6rk+%26+more")
        assert "Übersicht.bin" in astrid.get(done.location).text
        download = astrid.get(
            f"{at}/files/api/get", query_string={"path": "Wörk & more/Übersicht.bin"}
        )
        assert (
            download.data,
            download.mimetype,
            download.headers["Content-Disposition"].startswith("attachment"),
        ) == (content, "application/octet-stream", True)
        astrid.post(f"{at}/files/api/remove", {"path": "", "name": "Wörk & more"})
        assert "is not empty" in astrid.get(f"{at}/files").text
        astrid.post(f"{at}/files/api/remove", {"path": "Wörk & more", "name": "Übersicht.bin"})
        assert "This folder is empty" in astrid.get(done.location).text
        astrid.post(f"{at}/files/api/upload", {"path": ""})
        assert "Enter a name first." in astrid.get(f"{at}/files").text
        cloud.store.create(
            {
                "username": "tom",
                "password": "a-long-password",
                "domain": "tom.example",
                "plan": "basic",
            }
        )
        cloud.store.write("tom", "secret.txt", b"not for Astrid")
        for path in (
            "../../tom/files/secret.txt",
            "..%2F..%2Ftom/files/secret.txt",
            "%2e%2e/%2e%2e/tom/files/secret.txt",
            "a" * 300,
            "nowhere",
            "readme.txt/..",
        ):
            assert astrid.get(f"{at}/files/api/get", query_string={"path": path}).status_code == 404
            page = astrid.get(f"{at}/files", query_string={"path": path})
            assert (page.status_code, "Folder not found." in page.text) == (404, True), path
        assert [
            astrid.get(f"{at}/files", query_string={"path": path}).status_code
            for path in ("../..", "readme.txt", "/public//")
        ] == [404, 404, 200]
        astrid.post(f"{at}/files/api/remove", {"path": "../../tom/files", "name": "secret.txt"})
        astrid.post(f"{at}/files/api/remove", {"path": "", "name": "../../tom"})
        assert cloud.store.read("tom", "secret.txt") == b"not for Astrid"
        assert [
            astrid.get(f"{at}/files/api/{verb}").status_code
            for verb in ("upload", "folder", "remove")
        ] == [405] * 3
        cloud.fail("drop", times=9)
        before = len(cloud.requests)
        assert "Your files are temporarily unavailable." in astrid.get(f"{at}/files").text
        assert len(cloud.requests) == before + 1, "no second request after a failed one"
        assert (
            astrid.get(f"{at}/files/api/get", query_string={"path": "readme.txt"}).status_code
            == 503
        )
        assert "Statistics are temporarily unavailable." in astrid.get(f"{at}/statistics").text


def test_file_names(served: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with DemoCloudServer(tmp_path / "cloud") as cloud:
        harness = MyCloudHarness(served, cloud)
        at = active(harness, harness.add_default_service())
        astrid = customer(served)

        def upload(name: str, content: bytes = b"new", **more: str) -> str:
            data = {"path": "", "file": (io.BytesIO(content), name), **more}
            assert (
                astrid.post(
                    f"{at}/files/api/upload", data, content_type="multipart/form-data"
                ).status_code
                == 302
            )
            return astrid.get(f"{at}/files").text

        assert "Maximum size: 5 MB" in astrid.get(f"{at}/files").text
        assert "already exists" in upload("readme.txt")
        assert cloud.store.read("lumen", "readme.txt") == b"Welcome.\n"
        assert "readme.txt uploaded." in upload("readme.txt", replace="y")
        assert cloud.store.read("lumen", "readme.txt") == b"new"
        assert "public is a folder." in upload("public", replace="y")
        monkeypatch.setattr(harness.part("services.files"), "MAX_UPLOAD_BYTES", 500)
        assert "is too large. The limit is 5 MB." in upload("large.bin", bytes(501))
        before = cloud.store.read("lumen", "")
        for name in ("a/b", "../up", "a\\b", "<b>", ".."):
            assert "A name can&#39;t contain" in upload(name), name
            astrid.post(f"{at}/files/api/folder", {"path": "", "name": name})
            assert "A name can&#39;t contain" in astrid.get(f"{at}/files").text, name
        assert cloud.store.read("lumen", "") == before
        for name in (
            "a\u2028b.txt",
            'naïve\x7f".txt',
            "<i>.txt",
            "semi; colon.txt",
            "back\\slash",
            "%0d%0aX: y",
        ):
            cloud.store.write("lumen", name, b'{"entries": [{"changed_at": 7}]}')
            download = astrid.get(f"{at}/files/api/get", query_string={"path": name})
            assert (download.status_code, download.data[:9]) == (200, b'{"entries')
            assert astrid.get(f"{at}/files", query_string={"path": name}).status_code == 404, (
                "a file is not a folder, whatever its contents"
            )
            astrid.post(f"{at}/files/api/remove", {"path": "", "name": name})
        assert cloud.store.read("lumen", "") == before
        assert astrid.get(f"{at}/files/api/get", query_string={"path": "public"}).status_code == 404
        assert astrid.post(f"{at}/files/api/folder", {"path": "..", "name": "x"}).status_code == 404
        today = datetime.now(UTC)
        assert f"{today.day} {today:%b %Y}" in astrid.get(f"{at}/statistics").text


def test_hanging_provider_does_not_block_pages(
    served: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("puqpanel.sdk.http.PAGE_READ", 0.5)
    with DemoCloudServer(tmp_path / "cloud") as cloud:
        harness = MyCloudHarness(served, cloud)
        harness.part("services.cloud_api").CloudAPIClient.timeout = 30
        at = active(harness, harness.add_default_service())
        astrid = customer(served)
        cloud.fail("timeout", times=99)
        started = time.monotonic()
        assert "Your files are temporarily unavailable." in astrid.get(f"{at}/files").text
        assert "Statistics are temporarily unavailable." in astrid.get(f"{at}/statistics").text
        assert time.monotonic() - started < 4


def test_other_demo_cloud_tabs(served: Panel, tmp_path: Path) -> None:
    with DemoCloudServer(tmp_path / "cloud") as cloud:
        harness = MyCloudHarness(served, cloud)
        at = active(harness, harness.add_default_service())
        astrid = customer(served)
        general = astrid.get(f"{at}/general").text
        assert (
            "lumen.example" in general,
            "203.0.113." in general,
            "a-long-password" in general,
        ) == (True, True, False)
        assert astrid.post(f"{at}/general/api/password").text == "a-long-password"
        statistics = astrid.get(f"{at}/statistics").text
        assert (
            "<path" in statistics,
            "Show as table" in statistics,
            "of 100 GB" in statistics,
        ) == (True, True, True)
        assert astrid.get(f"{at}/secrets").status_code == 404
        with transaction():
            harness.service(at.split("/")[-1]).status = ServiceStatus.SUSPENDED
        assert [
            astrid.get(f"{at}/{tab}").status_code for tab in ("general", "files", "statistics")
        ] == [200, 404, 404]


def test_invalid_product_and_service_forms(
    served: Panel, owner: Browser, cloud: OcsServer, tmp_path: Path
) -> None:
    harness = NextcloudHarness(served)
    service = harness.service(harness.add_default_service(cloud))
    where = f"/admin/products/{service.product.uuid}/settings"
    rejected = owner.post(
        where,
        {
            "server_group": "abc",
            "quota": "lots",
            "user_group": "kept",
            "username_prefix": "a b",
            "username_suffix": "",
        },
    )
    assert (
        rejected.status_code,
        'id="quota-e"' in rejected.text,
        'id="username_prefix-e"' in rejected.text,
        'id="server_group-e"' in rejected.text,
    ) == (422, True, True, True)
    assert (
        'value="lots"' in rejected.text,
        'value="kept"' in rejected.text,
        'value="a b"' in rejected.text,
    ) == (True, True, True)
    active(harness, service.uuid)
    rejected = owner.post(
        f"/admin/services/{service.uuid}/settings",
        {"username": "another", "display_name": "Kept", "server": "0"},
    )
    assert (
        rejected.status_code,
        "Can&#39;t be changed after creation." in rejected.text,
        'id="username-e"' in rejected.text,
    ) == (422, True, True)
    assert ('value="another"' in rejected.text, 'value="Kept"' in rejected.text) == (True, True)
    with DemoCloudServer(tmp_path / "cloud") as demo:
        shop = MyCloudHarness(served, demo)
        service = shop.service(shop.add_default_service())
        rejected = owner.post(
            f"/admin/products/{service.product.uuid}/settings",
            {"server_location": "", "plan_type": "premium", "disk_space": "-1", "bandwidth": "x"},
        )
        assert (
            rejected.status_code,
            'id="disk_space-e"' in rejected.text,
            '<option selected value="premium">' in rejected.text,
            'value="-1"' in rejected.text,
        ) == (422, True, True, True)
        active(shop, service.uuid)
        data = {
            "domain": "kept.example",
            "username": "another",
            "password": "a-secret-canary",
            "ip_address": "nowhere",
        }
        rejected = owner.post(f"/admin/services/{service.uuid}/settings", data)
        assert (
            rejected.status_code,
            'id="ip_address-e"' in rejected.text,
            'value="nowhere"' in rejected.text,
            'value="kept.example"' in rejected.text,
        ) == (422, True, True, True)
        assert "a-secret-canary" not in rejected.text


def test_inactive_or_outdated_module(served: Panel, tmp_path: Path) -> None:
    with DemoCloudServer(tmp_path / "cloud") as cloud:
        harness = MyCloudHarness(served, cloud)
        at = active(harness, harness.add_default_service())
        astrid = customer(served)
        for state in ("restricted", "off"):
            if state == "restricted":
                loaded = served.blueprints["mod_product_mycloudservice"].loaded  # type: ignore[attr-defined]
                object.__setattr__(loaded, "recorded_version", "0.9.0")
                vars(loaded).pop("restricted", None)
                assert loaded.restricted
            else:
                del served.blueprints["mod_product_mycloudservice"]
            for path in (at, f"{at}/files", f"{at}/general", f"{at}/overview"):
                page = astrid.get(path, follow_redirects=True)
                assert (
                    page.status_code,
                    "Temporarily unavailable." in page.text,
                    "0.9.0" in page.text,
                ) == (200, True, False), (state, path)
            called = astrid.post(
                f"{at}/files/api/folder", {"path": "", "name": "x"}, headers={"Accept": "text/html"}
            )
            assert (
                called.status_code,
                "temporarily unavailable" in called.text,
                "Go back" in called.text,
            ) == (503, True, True)


def test_tab_forms_return_html_and_scripts_json(served: Panel, tmp_path: Path) -> None:
    with DemoCloudServer(tmp_path / "cloud") as cloud:
        harness = MyCloudHarness(served, cloud)
        at = active(harness, harness.add_default_service())
        astrid = customer(served)
        html = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
        served.config["MAX_CONTENT_LENGTH"] = 10_000
        large = {"path": "", "file": (io.BytesIO(bytes(10_001)), "large.bin")}
        refused = astrid.post(
            f"{at}/files/api/upload", large, content_type="multipart/form-data", headers=html
        )
        assert (
            refused.status_code,
            refused.mimetype,
            f'href="{at}/files"' in refused.text,
            "16 MB" in refused.text,
        ) == (413, "text/html", True, True)
        forged = astrid.post(f"{at}/files/api/folder", {"csrf_token": "old"}, headers=html)
        assert (forged.status_code, forged.mimetype, f'href="{at}/files"' in forged.text) == (
            400,
            "text/html",
            True,
        )
        for headers in (
            {"Accept": "application/json"},
            {"Accept": "*/*"},
            {},
            {**html, "HX-Request": "true"},
            {**html, "X-Requested-With": "XMLHttpRequest"},
        ):
            assert (
                astrid.post(
                    f"{at}/files/api/folder", {"csrf_token": "old"}, headers=headers
                ).mimetype
                == "application/json"
            ), headers
