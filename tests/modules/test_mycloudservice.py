"""MyCloudService against the demo cloud, and against a demo cloud that fails."""

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
from tests.modules.stage import STAFF, VERBS, Stage

CONFIG = {"server_location": "eu-west", "plan_type": "basic", "disk_space": 10, "bandwidth": 100}
DATA = {
    "domain": "lumen.example",
    "username": "lumen",
    "password": "a-long-password",
    "ip_address": "",
}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[DemoCloudServer]:
    """A running demo cloud."""
    with DemoCloudServer(tmp_path / "cloud") as one:
        yield one


class House(Stage):
    """The module with one server."""

    def __init__(self, panel: Panel, cloud: DemoCloudServer) -> None:
        super().__init__(panel, "MyCloudService")
        self.part("services.cloud_api").CloudAPIClient.timeout = 1.2
        self.server(cloud)

    def server(self, cloud: DemoCloudServer, name: str = "Demo cloud", **values: Any) -> Any:
        """Keep a server as the panel's demo does."""
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

    def sold(self, **data: str) -> str:
        """A service whose form is filled in; its uuid."""
        return self.sell(CONFIG, {**DATA, **data})


@pytest.fixture
def house(served: Panel, cloud: DemoCloudServer) -> House:
    """The module, switched on, with its server."""
    return House(served, cloud)


def states(cloud: DemoCloudServer) -> dict[str, str]:
    """The cloud's accounts: name → state."""
    return {one["username"]: one["state"] for one in cloud.store.accounts()}


def test_the_whole_life(house: House, cloud: DemoCloudServer) -> None:
    uuid = house.sold()
    assert house.job(uuid, "create_job").ok
    account = cloud.store.account("lumen")
    assert (account["plan"], account["domain"], account["location"], account["disk_space"]) == (
        "basic",
        "lumen.example",
        "eu-west",
        10,
    )
    assert house.service(uuid).provision_data["ip_address"] == account["ip_address"]
    assert house.observe(uuid) == {
        "exists": True,
        "suspended": False,
        "data": {"ip_address": account["ip_address"]},
    }
    assert house.job(uuid, "suspend_job").ok
    assert (states(cloud), house.observe(uuid)["suspended"]) == ({"lumen": "suspended"}, True)
    assert house.job(uuid, "unsuspend_job").ok
    assert states(cloud) == {"lumen": "active"}
    with transaction():
        products.find_product(house.service(uuid).product.uuid).config = {
            **CONFIG,
            "plan_type": "premium",
            "disk_space": 70,
        }
    assert house.job(uuid, "change_package_job").ok
    assert (cloud.store.account("lumen")["plan"], cloud.store.account("lumen")["disk_space"]) == (
        "premium",
        70,
    )
    assert house.job(uuid, "termination_job").ok
    assert (states(cloud), house.observe(uuid)["exists"]) == ({}, False)


def test_asking_whether_it_is_there_is_no_error(house: House, cloud: DemoCloudServer) -> None:
    uuid = house.sold()
    assert house.job(uuid, "create_job").ok
    cloud.store.delete("lumen")
    assert house.job(uuid, "termination_job").ok
    assert set(session().scalars(sa.select(ModuleLog.level))) == {"info"}


def test_every_verb_twice_is_as_good_as_once(house: House, cloud: DemoCloudServer) -> None:
    uuid = house.sold()
    for verb in VERBS:
        assert [house.job(uuid, verb).ok for _ in "ab"] == [True, True], verb
    assert len(cloud.seen("POST")) == 1


def test_a_name_and_a_password_are_made_up_where_staff_give_none(
    house: House, cloud: DemoCloudServer
) -> None:
    uuid = house.sell(CONFIG)
    with transaction():
        services.find_service(uuid).service_data = {"domain": "lumen.example"}
    cloud.fail("drop_after", method="POST")
    assert not house.job(uuid, "create_job").ok
    before = house.service(uuid).provision_data
    for _ in "ab":
        assert house.job(uuid, "create_job").ok
        (name,) = states(cloud)
        kept = house.service(uuid).provision_data
        assert (kept["username"], kept["password"], len(kept["password"])) == (
            name,
            before["password"],
            16,
        )
        assert kept["ip_address"]


def test_the_form_offers_no_name_of_its_own_and_keeps_what_the_job_made_up(
    house: House, cloud: DemoCloudServer
) -> None:
    uuid = house.sold(username="", password="")
    first, second = (house.call(uuid, "get_service_page").value for _ in "ab")
    assert first == second
    assert 'name="username" type="text" value=""' in first
    assert house.job(uuid, "create_job").ok
    (name,) = states(cloud)
    assert f'value="{name}"' in house.call(uuid, "get_service_page").value
    before = house.service(uuid).provision_data["password"]
    services.save_service_data(
        actor=STAFF, uuid=uuid, data={**DATA, "username": "", "password": ""}
    )
    assert (house.call(uuid, "variables_general").value["username"], list(states(cloud))) == (
        name,
        [name],
    )
    assert house.call(uuid, "get_service_page").instance.service_data["password"] == before


@pytest.mark.parametrize(
    "kind", ["timeout", "timeout_after", "drop", "drop_after", "500", "500_after", "429", "503"]
)
@pytest.mark.parametrize("verb", VERBS)
def test_a_fault_is_made_good_by_the_next_attempt(
    house: House, cloud: DemoCloudServer, verb: str, kind: str
) -> None:
    uuid = house.sold()
    method = {"create_job": "POST", "termination_job": "DELETE"}.get(verb, "PUT")
    if verb != "create_job":
        assert house.job(uuid, "create_job").ok
    cloud.fail(kind, method=method)
    first = house.job(uuid, verb)
    assert (first.ok, first.retry) == (False, True)
    assert house.job(uuid, verb).ok
    assert states(cloud) == {"termination_job": {}, "suspend_job": {"lumen": "suspended"}}.get(
        verb, {"lumen": "active"}
    )
    if verb == "create_job" and kind.endswith("_after"):
        assert len(cloud.seen("POST")) == 1


@pytest.mark.parametrize("kind", ["garbage", "empty"])
def test_an_answer_that_cannot_be_read_is_looked_into(
    house: House, cloud: DemoCloudServer, kind: str
) -> None:
    uuid = house.sold()
    cloud.fail(kind, method="POST")
    assert not house.job(uuid, "create_job").ok
    assert house.job(uuid, "create_job").ok
    assert states(cloud) == {"lumen": "active"}


def test_somebody_elses_account_is_not_taken_over(house: House, cloud: DemoCloudServer) -> None:
    cloud.store.create(
        {
            "username": "lumen",
            "password": "somebody's own",
            "domain": "other.example",
            "plan": "basic",
        }
    )
    uuid = house.sold()
    answer = house.job(uuid, "create_job")
    assert (answer.ok, answer.retry) == (False, False)
    assert "belongs to another account" in answer.message
    assert house.job(uuid, "termination_job").ok
    assert states(cloud) == {"lumen": "active"}


def test_what_the_cloud_refuses_is_said(house: House, cloud: DemoCloudServer) -> None:
    uuid = house.sold(username="Lumen")
    answer = house.job(uuid, "create_job")
    assert (answer.ok, answer.retry) == (False, False)
    assert "username must be 2 to 50 lowercase letters" in answer.message
    services.save_service_data(actor=STAFF, uuid=uuid, data=DATA)
    assert house.job(uuid, "create_job").ok, "what was refused could be changed"
    cloud.fail("401")
    answer = house.job(house.sold(), "create_job")
    assert "refused the panel's key" in answer.message


def test_a_cloud_that_does_not_answer_says_nothing(house: House, cloud: DemoCloudServer) -> None:
    uuid = house.sold()
    cloud.fail("timeout")
    assert house.job(uuid, "create_job").message == "The cloud did not respond in time."
    cloud.fail("500")
    assert house.job(uuid, "create_job").message == "The provider returned HTTP 500."


def test_an_account_that_is_gone_is_said_to_be_gone(house: House, cloud: DemoCloudServer) -> None:
    uuid = house.sold()
    assert house.job(uuid, "create_job").ok
    cloud.store.delete("lumen")
    settlement.set_provision_status(service_uuid=uuid, status="processing")
    answer = house.job(uuid, "suspend_job")
    assert (answer.ok, answer.retry, house.service(uuid).provision_status) == (
        False,
        False,
        "not_found",
    )
    assert house.job(uuid, "termination_job").ok


def test_a_cloud_that_is_not_there_is_tried_again(house: House, cloud: DemoCloudServer) -> None:
    uuid = house.sold()
    cloud.stop()
    answer = house.job(uuid, "create_job")
    assert (answer.ok, answer.retry) == (False, True)


def test_no_server_with_room(house: House, cloud: DemoCloudServer) -> None:
    assert house.server(cloud, max_accounts=1).ok
    assert house.job(house.sold(), "create_job").ok
    answer = house.job(house.sold(username="second"), "create_job")
    assert (answer.ok, answer.retry) == (False, False)
    assert "No active server has room" in answer.message


def test_a_group_named_like_the_location_comes_first(house: House, cloud: DemoCloudServer) -> None:
    assert house.server(cloud, "A near one", group_name="eu-west").ok
    assert house.server(cloud, "A far one", group_name="us-east").ok
    uuid = house.sold()
    assert house.job(uuid, "create_job").ok
    rows = house.part("models.cloud").CloudServer
    assert (
        session().get(rows, house.service(uuid).provision_data["server_uuid"]).name == "A near one"
    )


def test_an_account_keeps_what_was_agreed_and_gets_its_new_password(
    house: House, cloud: DemoCloudServer
) -> None:
    uuid = house.sold()
    assert "readonly" not in house.call(uuid, "get_service_page").value
    assert house.job(uuid, "create_job").ok
    page = house.call(uuid, "get_service_page").value
    assert (page.count("readonly"), "Empty keeps the stored one." in page) == (3, True)
    wrong = {**DATA, "username": "other", "domain": "other.example", "ip_address": "203.0.113.254"}
    with pytest.raises(InvalidInput) as caught:
        services.save_service_data(actor=STAFF, uuid=uuid, data=wrong)
    assert set(caught.value.errors) == {"username", "domain", "ip_address"}
    again = house.call(
        uuid, "get_service_page", stored={"service_data": wrong, "errors": caught.value.errors}
    ).value
    assert (again.count("readonly"), "An account keeps its domain." in again) == (3, True)
    assert len(cloud.seen("PUT", "/password$")) == 0
    cloud.fail("timeout_after", method="PUT")
    with pytest.raises(InvalidInput) as caught:
        services.save_service_data(
            actor=STAFF, uuid=uuid, data={**DATA, "password": "another-password"}
        )
    assert caught.value.errors == {
        "password": [
            (
                "The cloud did not respond in time. It may have the new password already: save it"
                " once more."
            )
        ]
    }
    cloud.requests.clear()
    services.save_service_data(
        actor=STAFF, uuid=uuid, data={**DATA, "password": "another-password"}
    )
    assert cloud.seen("PUT", "/password$")[0].json == {"password": "another-password"}
    shown = house.call(uuid, "variables_general").value
    assert (shown["username"], shown["domain"], shown["ip_address"]) == (
        "lumen",
        "lumen.example",
        cloud.store.account("lumen")["ip_address"],
    )


def test_no_secret_in_the_log(house: House, cloud: DemoCloudServer) -> None:
    uuid = house.sold()
    for verb in VERBS:
        assert house.job(uuid, verb).ok
    rows = session().scalars(sa.select(ModuleLog)).all()
    text = "\n".join(f"{row.action}\n{row.request}\n{row.response}" for row in rows)
    assert "/accounts" in text
    assert DATA["password"] not in text
    assert cloud.token not in text
