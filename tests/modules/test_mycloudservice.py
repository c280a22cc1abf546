"""MyCloudService against a demo cloud that works, and against one that fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import InvalidInput
from puqpanel.infra.db import session, transaction
from puqpanel.models import ModuleLog
from puqpanel.operations.catalog import products
from puqpanel.operations.provisioning import services, settlement
from tests.fakes.demo_cloud import DemoCloudServer
from tests.modules.harness import STAFF, VERBS, ModuleHarness

CONFIG = {"server_location": "eu-west", "plan_type": "basic", "disk_space": 10, "bandwidth": 100}
DATA = {
    "domain": "lumen.example",
    "username": "lumen",
    "password": "a-long-password",
    "ip_address": "",
}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[DemoCloudServer]:
    """Run a demo cloud."""
    with DemoCloudServer(tmp_path / "cloud") as server:
        yield server


class MyCloudHarness(ModuleHarness):
    """MyCloudService with one server."""

    def __init__(self, panel: Panel, cloud: DemoCloudServer) -> None:
        super().__init__(panel, "MyCloudService")
        self.part("services.cloud_api").CloudAPIClient.timeout = 1.2
        self.server(cloud)

    def server(self, cloud: DemoCloudServer, name: str = "Demo cloud", **values: Any) -> Any:
        """Save a server as the panel's demo does."""
        from puqpanel.host import calls

        data = {
            "name": name,
            "host": "127.0.0.1",
            "port": cloud.port,
            "ssl": False,
            "api_key": cloud.token,
            "active": True,
            **values,
        }
        called = calls.invoke(calls.Call(self.module, "save_server", (data,), actor=STAFF))
        assert not called.raised, called.error
        return called.result

    def add_default_service(self, **data: str) -> str:
        """Add a service with valid data; return its uuid."""
        return self.add_service(CONFIG, {**DATA, **data})


@pytest.fixture
def harness(served: Panel, cloud: DemoCloudServer) -> MyCloudHarness:
    """Return the active module with its server."""
    return MyCloudHarness(served, cloud)


def states(cloud: DemoCloudServer) -> dict[str, str]:
    """Return the state of each account by user name."""
    return {account["username"]: account["state"] for account in cloud.store.accounts()}


def test_service_lifecycle(harness: MyCloudHarness, cloud: DemoCloudServer) -> None:
    uuid = harness.add_default_service()
    assert harness.job(uuid, "create_job").ok
    account = cloud.store.account("lumen")
    assert (account["plan"], account["domain"], account["location"], account["disk_space"]) == (
        "basic",
        "lumen.example",
        "eu-west",
        10,
    )
    assert harness.service(uuid).provision_data["ip_address"] == account["ip_address"]
    assert harness.observe(uuid) == {
        "exists": True,
        "suspended": False,
        "data": {"ip_address": account["ip_address"]},
    }
    assert harness.job(uuid, "suspend_job").ok
    assert (states(cloud), harness.observe(uuid)["suspended"]) == ({"lumen": "suspended"}, True)
    assert harness.job(uuid, "unsuspend_job").ok
    assert states(cloud) == {"lumen": "active"}
    with transaction():
        products.find_product(harness.service(uuid).product.uuid).config = {
            **CONFIG,
            "plan_type": "premium",
            "disk_space": 70,
        }

    def shown() -> int:
        page = harness.call(uuid, "variables_general").value
        return int(page["plan"]["disk_space"])

    assert shown() == 10, "the account still has what was sold"
    assert harness.job(uuid, "change_package_job").ok
    assert shown() == 70
    assert (cloud.store.account("lumen")["plan"], cloud.store.account("lumen")["disk_space"]) == (
        "premium",
        70,
    )
    assert harness.job(uuid, "termination_job").ok
    assert (states(cloud), harness.observe(uuid)["exists"]) == ({}, False)


def test_not_found_is_not_logged_as_an_error(
    harness: MyCloudHarness, cloud: DemoCloudServer
) -> None:
    uuid = harness.add_default_service()
    assert harness.job(uuid, "create_job").ok
    cloud.store.delete("lumen")
    assert harness.job(uuid, "termination_job").ok
    assert set(session().scalars(sa.select(ModuleLog.level))) == {"info"}


def test_jobs_are_idempotent(harness: MyCloudHarness, cloud: DemoCloudServer) -> None:
    uuid = harness.add_default_service()
    for verb in VERBS:
        assert [harness.job(uuid, verb).ok for _ in "ab"] == [True, True], verb
    assert len(cloud.seen("POST")) == 1


def test_credentials_are_generated(harness: MyCloudHarness, cloud: DemoCloudServer) -> None:
    uuid = harness.add_service(CONFIG)
    with transaction():
        services.find_service(uuid).service_data = {"domain": "lumen.example"}
    cloud.fail("drop_after", method="POST")
    assert not harness.job(uuid, "create_job").ok
    before = harness.service(uuid).provision_data
    for _ in "ab":
        assert harness.job(uuid, "create_job").ok
        (name,) = states(cloud)
        kept = harness.service(uuid).provision_data
        assert (kept["username"], kept["password"], len(kept["password"])) == (
            name,
            before["password"],
            16,
        )
        assert kept["ip_address"]


def test_form_keeps_generated_credentials(harness: MyCloudHarness, cloud: DemoCloudServer) -> None:
    uuid = harness.add_default_service(username="", password="")
    first, second = (harness.call(uuid, "get_service_page").value for _ in "ab")
    assert first == second
    assert 'name="username" type="text" value=""' in first
    assert harness.job(uuid, "create_job").ok
    (name,) = states(cloud)
    assert f'value="{name}"' in harness.call(uuid, "get_service_page").value
    before = harness.service(uuid).provision_data["password"]
    services.save_service_data(
        actor=STAFF, uuid=uuid, data={**DATA, "username": "", "password": ""}
    )
    assert (harness.call(uuid, "variables_general").value["username"], list(states(cloud))) == (
        name,
        [name],
    )
    assert harness.call(uuid, "get_service_page").instance.service_data["password"] == before


@pytest.mark.parametrize(
    "kind", ["timeout", "timeout_after", "drop", "drop_after", "500", "500_after", "429", "503"]
)
@pytest.mark.parametrize("verb", VERBS)
def test_retry_succeeds_after_a_fault(
    harness: MyCloudHarness, cloud: DemoCloudServer, verb: str, kind: str
) -> None:
    uuid = harness.add_default_service()
    method = {"create_job": "POST", "termination_job": "DELETE"}.get(verb, "PUT")
    if verb != "create_job":
        assert harness.job(uuid, "create_job").ok
    cloud.fail(kind, method=method)
    first = harness.job(uuid, verb)
    assert (first.ok, first.retry) == (False, True)
    assert harness.job(uuid, verb).ok
    assert states(cloud) == {"termination_job": {}, "suspend_job": {"lumen": "suspended"}}.get(
        verb, {"lumen": "active"}
    )
    if verb == "create_job" and kind.endswith("_after"):
        assert len(cloud.seen("POST")) == 1


@pytest.mark.parametrize("kind", ["garbage", "empty"])
def test_unreadable_response_is_verified(
    harness: MyCloudHarness, cloud: DemoCloudServer, kind: str
) -> None:
    uuid = harness.add_default_service()
    cloud.fail(kind, method="POST")
    assert not harness.job(uuid, "create_job").ok
    assert harness.job(uuid, "create_job").ok
    assert states(cloud) == {"lumen": "active"}


def test_existing_account_is_not_taken_over(
    harness: MyCloudHarness, cloud: DemoCloudServer
) -> None:
    cloud.store.create(
        {
            "username": "lumen",
            "password": "somebody's own",
            "domain": "other.example",
            "plan": "basic",
        }
    )
    uuid = harness.add_default_service()
    answer = harness.job(uuid, "create_job")
    assert (answer.ok, answer.retry) == (False, False)
    assert "belongs to another account" in answer.message
    assert harness.job(uuid, "termination_job").ok
    assert states(cloud) == {"lumen": "active"}


def test_provider_rejection_is_reported(harness: MyCloudHarness, cloud: DemoCloudServer) -> None:
    uuid = harness.add_default_service(username="Lumen")
    answer = harness.job(uuid, "create_job")
    assert (answer.ok, answer.retry) == (False, False)
    assert "username must be 2 to 50 lowercase letters" in answer.message
    services.save_service_data(actor=STAFF, uuid=uuid, data=DATA)
    assert harness.job(uuid, "create_job").ok, "rejected fields can be changed"
    cloud.fail("401")
    answer = harness.job(harness.add_default_service(), "create_job")
    assert "rejected the panel's API key" in answer.message


def test_provider_timeout_and_server_error(harness: MyCloudHarness, cloud: DemoCloudServer) -> None:
    uuid = harness.add_default_service()
    cloud.fail("timeout")
    assert harness.job(uuid, "create_job").message == "The server did not respond in time."
    cloud.fail("500")
    assert harness.job(uuid, "create_job").message == "The provider returned HTTP 500."


def test_missing_account_sets_status_not_found(
    harness: MyCloudHarness, cloud: DemoCloudServer
) -> None:
    uuid = harness.add_default_service()
    assert harness.job(uuid, "create_job").ok
    cloud.store.delete("lumen")
    settlement.set_provision_status(service_uuid=uuid, status="processing")
    answer = harness.job(uuid, "suspend_job")
    assert (answer.ok, answer.retry, harness.service(uuid).provision_status) == (
        False,
        False,
        "not_found",
    )
    assert harness.job(uuid, "termination_job").ok


def test_unreachable_provider_is_retried(harness: MyCloudHarness, cloud: DemoCloudServer) -> None:
    uuid = harness.add_default_service()
    cloud.stop()
    answer = harness.job(uuid, "create_job")
    assert (answer.ok, answer.retry) == (False, True)


def test_no_server_with_capacity(harness: MyCloudHarness, cloud: DemoCloudServer) -> None:
    assert harness.server(cloud, max_accounts=1).ok
    assert harness.job(harness.add_default_service(), "create_job").ok
    answer = harness.job(harness.add_default_service(username="second"), "create_job")
    assert (answer.ok, answer.retry) == (False, False)
    assert "No active server has capacity" in answer.message


def test_group_of_the_location_is_preferred(
    harness: MyCloudHarness, cloud: DemoCloudServer
) -> None:
    assert harness.server(cloud, "A near one", group_name="eu-west").ok
    assert harness.server(cloud, "A far one", group_name="us-east").ok
    uuid = harness.add_default_service()
    assert harness.job(uuid, "create_job").ok
    rows = harness.part("models.cloud").CloudServer
    assert (
        session().get(rows, harness.service(uuid).provision_data["server_uuid"]).name
        == "A near one"
    )


def test_only_the_password_can_be_changed_after_creation(
    harness: MyCloudHarness, cloud: DemoCloudServer
) -> None:
    uuid = harness.add_default_service()
    assert "readonly" not in harness.call(uuid, "get_service_page").value
    assert harness.job(uuid, "create_job").ok
    page = harness.call(uuid, "get_service_page").value
    assert (page.count("readonly"), "Leave blank to keep the current value." in page) == (3, True)
    wrong = {**DATA, "username": "other", "domain": "other.example", "ip_address": "203.0.113.254"}
    with pytest.raises(InvalidInput) as caught:
        services.save_service_data(actor=STAFF, uuid=uuid, data=wrong)
    assert set(caught.value.errors) == {"username", "domain", "ip_address"}
    again = harness.call(
        uuid, "get_service_page", stored={"service_data": wrong, "errors": caught.value.errors}
    ).value
    assert (again.count("readonly"), "Can&#39;t be changed after creation." in again) == (3, True)
    assert len(cloud.seen("PUT", "/password$")) == 0
    cloud.fail("timeout_after", method="PUT")
    with pytest.raises(InvalidInput) as caught:
        services.save_service_data(
            actor=STAFF, uuid=uuid, data={**DATA, "password": "another-password"}
        )
    assert caught.value.errors == {
        "password": [
            (
                "The server did not respond in time. The new password may be active already."
                " Save it again to be sure."
            )
        ]
    }
    cloud.requests.clear()
    services.save_service_data(
        actor=STAFF, uuid=uuid, data={**DATA, "password": "another-password"}
    )
    assert cloud.seen("PUT", "/password$")[0].json == {"password": "another-password"}
    shown = harness.call(uuid, "variables_general").value
    assert (shown["username"], shown["domain"], shown["ip_address"]) == (
        "lumen",
        "lumen.example",
        cloud.store.account("lumen")["ip_address"],
    )


def test_module_log_contains_no_secret(harness: MyCloudHarness, cloud: DemoCloudServer) -> None:
    uuid = harness.add_default_service()
    for verb in VERBS:
        assert harness.job(uuid, verb).ok
    rows = session().scalars(sa.select(ModuleLog)).all()
    text = "\n".join(f"{row.action}\n{row.request}\n{row.response}" for row in rows)
    assert "/accounts" in text
    assert DATA["password"] not in text
    assert cloud.token not in text


def test_an_account_of_somebody_else_is_not_observed(
    harness: MyCloudHarness, cloud: DemoCloudServer
) -> None:
    uuid = harness.add_default_service()
    assert harness.job(uuid, "create_job").ok
    assert harness.compare(uuid, "active", "completed") is None
    cloud.store._execute("UPDATE accounts SET ip_address = '203.0.113.250'")
    assert harness.compare(uuid, "active", "completed").kind == "data"
    cloud.store._execute("UPDATE accounts SET domain = 'other.example'")
    assert harness.compare(uuid, "active", "completed").kind == "gone"
    cloud.store.delete("lumen")
    assert harness.job(uuid, "create_job").ok, "created again"
    assert harness.compare(uuid, "active", "completed") is None
