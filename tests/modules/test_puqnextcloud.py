"""PuqNextcloud against a cloud that does as it should, and against one that does not."""

from __future__ import annotations

import contextvars
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.service_states import ProvisionStatus
from puqpanel.host.context import Context, entered
from puqpanel.infra.db import db, release, session, transaction
from puqpanel.models import ModuleLog, Task
from puqpanel.operations.catalog import products
from puqpanel.operations.provisioning import requests, services, settlement
from tests.fakes.ocs import Account, Dialect, OcsServer
from tests.modules.stage import STAFF, VERBS, Stage

GB = 1024**3
CONFIG = {
    "quota": "5 GB",
    "user_group": "customers",
    "username_prefix": "nc_",
    "username_suffix": "_x",
}


@pytest.fixture
def cloud() -> Iterator[OcsServer]:
    """A running cloud."""
    with OcsServer() as one:
        yield one


class House(Stage):
    """The module with servers and services."""

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel, "PuqNextcloud")
        self.part("services.ocs_client").TIMEOUT = 1.2
        self.models = self.part("models.servers")
        self.accounts = self.part("models.accounts").Account

    def group(self, name: str = "Europe", allocation: str = "fill_first") -> int:
        """A server group; its id."""
        with transaction() as current:
            row = self.models.ServerGroup(name=name, allocation=allocation)
            current.add(row)
            current.flush()
            return int(row.id)

    def server(self, cloud: OcsServer, group: int, name: str = "cloud-1", **values: Any) -> int:
        """A server that stands for the fake; its id."""
        host = {"host": "127.0.0.1", "port": cloud.port, "ssl": False, "path": cloud.dialect.root}
        with transaction() as current:
            row = self.models.Server(
                group_id=group,
                name=name,
                username=cloud.admin,
                password=cloud.password,
                **{**host, **values},
            )
            current.add(row)
            current.flush()
            return int(row.id)

    def sold(self, cloud: OcsServer, data: dict[str, Any] | None = None, **config: Any) -> str:
        """A service whose product makes accounts on this cloud; its uuid."""
        group = session().scalar(sa.select(self.models.ServerGroup.id)) or self.group()
        if session().scalar(sa.select(self.models.Server.id)) is None:
            self.server(cloud, group)
        return self.sell({**CONFIG, "server_group": group, **config}, data)

    def places(self) -> list[Any]:
        """All places that are taken."""
        db.session.expire_all()
        release()
        return list(session().scalars(sa.select(self.accounts).order_by(self.accounts.id)))


@pytest.fixture
def house(served: Panel) -> House:
    """The module, switched on."""
    return House(served)


def made(cloud: OcsServer) -> tuple[str, Account]:
    """The one account that the cloud has."""
    ((name, account),) = cloud.customers.items()
    return name, account


def test_the_whole_life(house: House, cloud: OcsServer) -> None:
    uuid = house.sold(cloud, {"display_name": "Astrid", "username": "", "server": "0"})
    assert house.job(uuid, "create_job").ok
    name, account = made(cloud)
    assert name.startswith("nc_")
    assert name.endswith("_x")
    assert (account.groups, account.quota, account.enabled, account.display_name) == (
        ["customers"],
        "5 GB",
        True,
        "Astrid",
    )
    kept = house.service(uuid).provision_data
    assert (kept["username"], kept["password"], kept["user_group"]) == (
        name,
        account.password,
        "customers",
    )
    assert house.observe(uuid) == {
        "exists": True,
        "suspended": False,
        "data": {"username": name, "server": "cloud-1"},
    }
    assert house.job(uuid, "suspend_job").ok
    assert not account.enabled
    assert house.observe(uuid)["suspended"]
    assert house.job(uuid, "unsuspend_job").ok
    assert account.enabled
    cloud.groups.add("gold")
    with transaction():
        products.find_product(house.service(uuid).product.uuid).config = {
            **CONFIG,
            "quota": "none",
            "user_group": "gold",
        }
    assert house.job(uuid, "change_package_job").ok
    assert (account.quota, account.groups) == ("none", ["gold"])
    assert house.job(uuid, "termination_job").ok
    assert cloud.customers == {}
    assert house.places() == []
    assert house.observe(uuid) == {"exists": False, "suspended": False, "data": {}}


def test_staff_see_where_the_account_is_and_cannot_move_it(house: House, cloud: OcsServer) -> None:
    uuid = house.sold(cloud)
    assert "As the group decides" in house.call(uuid, "get_service_page").value
    assert house.job(uuid, "create_job").ok
    name, other = made(cloud)[0], house.server(cloud, house.group("Other"), "cloud-2")
    page = house.call(uuid, "get_service_page").value
    assert (f'value="{name}"' in page, 'selected value="1"' in page) == (True, True)
    kept = {"username": name, "display_name": "Astrid", "server": "1"}
    services.save_service_data(actor=STAFF, uuid=uuid, data=kept)
    for wrong in ({"username": "anna"}, {"server": str(other)}):
        with pytest.raises(InvalidInput):
            services.save_service_data(actor=STAFF, uuid=uuid, data={**kept, **wrong})
    assert house.job(uuid, "suspend_job").ok
    assert not made(cloud)[1].enabled


def test_every_verb_twice_is_as_good_as_once(house: House, cloud: OcsServer) -> None:
    uuid = house.sold(cloud)
    for verb in VERBS:
        assert [house.job(uuid, verb).ok for _ in "ab"] == [True, True], verb
        assert len(cloud.customers) == (0 if verb == "termination_job" else 1)
    assert len(cloud.seen("POST", "/users$")) == 1


@pytest.mark.parametrize("kind", ["timeout_after", "drop_after", "500_after", "empty"])
def test_a_create_that_was_done_but_not_answered_is_found_and_not_repeated(
    house: House, cloud: OcsServer, kind: str
) -> None:
    uuid = house.sold(cloud)
    cloud.fail(kind, method="POST", path="/users$")
    assert house.job(uuid, "create_job").ok
    name, account = made(cloud)
    assert len(cloud.seen("POST", "/users$")) == 1
    assert (account.groups, account.quota, house.service(uuid).provision_data["password"]) == (
        ["customers"],
        "5 GB",
        account.password,
    )
    assert house.places()[0].username == name


@pytest.mark.parametrize("kind", ["timeout", "drop", "500", "502", "503", "garbage"])
def test_a_create_that_was_not_done_is_sent_again_only_after_a_look(
    house: House, cloud: OcsServer, kind: str
) -> None:
    uuid = house.sold(cloud)
    cloud.fail(kind, method="POST", path="/users$")
    first = house.job(uuid, "create_job")
    assert (first.ok, first.retry) == (False, True)
    assert cloud.customers == {}
    before = house.service(uuid).provision_data
    assert house.job(uuid, "create_job").ok
    name, account = made(cloud)
    assert (before["username"], before["password"]) == (
        name,
        account.password,
    ), "the name and the password were kept before"
    assert [one.method for one in cloud.requests][:5] == ["GET", "POST", "GET", "GET", "POST"]


def test_a_create_whose_look_fails_too_is_finished_by_the_next_attempt(
    house: House, cloud: OcsServer
) -> None:
    uuid = house.sold(cloud)
    cloud.fail("drop_after", method="POST", path="/users$")
    cloud.fail("500", method="GET", path="/users/nc_", skip=1)
    first = house.job(uuid, "create_job")
    assert (first.ok, first.retry, len(cloud.customers)) == (False, True, 1)
    assert house.job(uuid, "create_job").ok
    assert len(cloud.seen("POST", "/users$")) == len(cloud.customers) == 1


def test_a_name_that_is_somebody_elses_is_never_taken_over(house: House, cloud: OcsServer) -> None:
    cloud.users["anna"] = Account("her own password", quota="1 GB")
    uuid = house.sold(cloud, {"username": "anna", "display_name": "", "server": "0"})
    answer = house.job(uuid, "create_job")
    assert (answer.ok, answer.retry) == (False, False)
    assert "anna is taken" in answer.message
    assert cloud.users["anna"] == Account("her own password", quota="1 GB")
    assert cloud.seen("POST") == []
    assert house.places() == []
    assert house.job(uuid, "termination_job").ok
    assert "anna" in cloud.users


def test_a_made_up_name_that_is_taken_gives_way_to_another(house: House, cloud: OcsServer) -> None:
    numbers = iter(["111111", "111111", "222222"])
    house.part("services.placement").number = lambda: next(numbers)
    cloud.users["nc_111111_x"] = Account("her own password")
    uuid = house.sold(cloud)
    assert house.job(uuid, "create_job").ok
    assert set(cloud.customers) == {"nc_111111_x", "nc_222222_x"}
    assert house.service(uuid).provision_data["username"] == "nc_222222_x"


def test_two_services_never_share_a_name(house: House, cloud: OcsServer) -> None:
    numbers = iter(["111111", "111111", "222222", "333333"])
    house.part("services.placement").number = lambda: next(numbers)
    for uuid in [house.sold(cloud), house.sold(cloud)]:
        assert house.job(uuid, "create_job").ok
    assert set(cloud.customers) == {"nc_111111_x", "nc_222222_x"}


@pytest.mark.parametrize(
    ("arrange", "retry", "words"),
    [
        (lambda cloud: cloud.groups.clear(), False, "customers"),
        (lambda cloud: setattr(cloud.dialect, "min_password", 99), False, "99 characters"),
        (lambda cloud: cloud.fail("429", method="POST"), True, "too often"),
        (
            lambda cloud: setattr(cloud, "version", cloud.users[cloud.admin].groups.clear()),
            False,
            "administrator",
        ),
        (
            lambda cloud: setattr(cloud.users[cloud.admin], "password", "another"),
            False,
            "credentials",
        ),
        (lambda cloud: cloud.fail("401"), False, "credentials"),
        (lambda cloud: cloud.fail("404"), False, "no Nextcloud"),
        (lambda cloud: cloud.fail("301"), False, "another address"),
        (lambda cloud: cloud.fail("garbage"), True, "read"),
    ],
)
def test_a_create_that_made_nothing_keeps_no_place(
    house: House, cloud: OcsServer, arrange: Callable[[OcsServer], None], retry: bool, words: str
) -> None:
    uuid = house.sold(cloud)
    arrange(cloud)
    answer = house.job(uuid, "create_job")
    assert (answer.ok, answer.retry) == (False, retry)
    assert words in answer.message
    assert (cloud.customers, house.places(), house.service(uuid).provision_data) == ({}, [], {})


def test_a_quota_that_the_server_refuses_does_not_hide_the_account(
    house: House, cloud: OcsServer
) -> None:
    uuid = house.sold(cloud, quota="5 PB")
    answer = house.job(uuid, "create_job")
    assert (answer.ok, answer.retry) == (False, False)
    assert "Invalid quota" in answer.message
    assert len(house.places()) == len(cloud.customers) == 1, "the server made it all the same"
    assert house.job(uuid, "termination_job").ok
    assert (cloud.customers, house.places()) == ({}, [])


@pytest.mark.parametrize("verb", VERBS[1:])
@pytest.mark.parametrize(
    "kind",
    [
        "timeout",
        "timeout_after",
        "drop",
        "drop_after",
        "500",
        "500_after",
        "429",
        "garbage",
        "empty",
    ],
)
def test_other_verbs_come_through_when_they_are_tried_again(
    house: House, cloud: OcsServer, verb: str, kind: str
) -> None:
    uuid = house.sold(cloud, quota="5 GB")
    assert house.job(uuid, "create_job").ok
    made(cloud)[1].quota = "1 GB"
    method = "DELETE" if verb == "termination_job" else "PUT"
    cloud.fail(kind, method=method)
    first = house.job(uuid, verb)
    assert first.ok or first.retry
    again = house.job(uuid, verb)
    assert again.ok, again.message
    if verb == "termination_job":
        assert (cloud.customers, house.places()) == ({}, [])
    else:
        assert made(cloud)[1].enabled is (verb != "suspend_job")
        assert made(cloud)[1].quota == ("5 GB" if verb == "change_package_job" else "1 GB")


@pytest.mark.parametrize("verb", VERBS[1:])
def test_a_wrong_password_of_the_panels_is_not_tried_again(
    house: House, cloud: OcsServer, verb: str
) -> None:
    uuid = house.sold(cloud)
    assert house.job(uuid, "create_job").ok
    cloud.users[cloud.admin].password = "changed"
    answer = house.job(uuid, verb)
    assert (answer.ok, answer.retry) == (False, False)
    assert "refused the panel's credentials" in answer.message
    assert len(cloud.customers) == 1


@pytest.mark.parametrize("verb", ["suspend_job", "unsuspend_job", "change_package_job"])
def test_an_account_that_is_gone_is_said_to_be_gone(
    house: House, cloud: OcsServer, verb: str
) -> None:
    uuid = house.sold(cloud)
    assert house.job(uuid, "create_job").ok
    settlement.set_provision_status(service_uuid=uuid, status=ProvisionStatus.PROCESSING)
    cloud.users.pop(made(cloud)[0])
    answer = house.job(uuid, verb)
    assert (answer.ok, answer.retry, house.service(uuid).provision_status) == (
        False,
        False,
        "not_found",
    )
    assert house.observe(uuid)["exists"] is False
    assert house.job(uuid, "termination_job").ok


@pytest.mark.parametrize("verb", ["suspend_job", "unsuspend_job", "change_package_job"])
def test_a_service_without_an_account_says_so(house: House, cloud: OcsServer, verb: str) -> None:
    answer = house.job(house.sold(cloud), verb)
    assert (answer.ok, answer.retry) == (False, False)
    assert "no account" in answer.message
    assert cloud.requests == []


def test_observe_says_when_it_cannot_tell(house: House, cloud: OcsServer) -> None:
    uuid = house.sold(cloud)
    assert house.job(uuid, "create_job").ok
    for kind in ("500", "timeout", "drop", "garbage", "429", "401"):
        cloud.fail(kind)
        assert house.observe(uuid) is None, kind


@pytest.mark.parametrize(
    "dialect",
    [
        Dialect(json=False),
        Dialect(missing=998, enabled=False),
        Dialect(missing=101),
        Dialect(json=False, missing=998, quota="text"),
        Dialect(quota="bare"),
        Dialect(quota="none"),
        Dialect(root="/nextcloud"),
        Dialect(json=False, root="/a/b", quota="bare"),
    ],
    ids=str,
)
def test_servers_of_other_makes(served: Panel, dialect: Dialect) -> None:
    with OcsServer(dialect=dialect) as cloud:
        house = House(served)
        uuid = house.sold(cloud)
        for verb in VERBS[:4]:
            answer = house.job(uuid, verb)
            assert answer.ok, answer.message
        account = made(cloud)[1]
        assert (account.groups, account.quota, account.enabled) == (["customers"], "5 GB", True)
        assert house.observe(uuid)["exists"]
        ok, sentence = house.part("services.connection").test_connection(house.places()[0].server)
        assert ok, sentence
        assert "31.0.9" in sentence
        assert house.job(uuid, "termination_job").ok
        assert cloud.customers == {}


def test_filling_up_and_sharing_out(house: House, cloud: OcsServer) -> None:
    group = house.group()
    first = house.server(cloud, group, "one", max_accounts=1, position=2)
    second = house.server(cloud, group, "two", max_accounts=1, position=1)
    house.server(cloud, group, "off", active=False, position=0)
    services = [house.sell({**CONFIG, "server_group": group}) for _ in range(3)]
    answers = [house.job(uuid, "create_job") for uuid in services]
    assert [answer.ok for answer in answers] == [True, True, False]
    assert "no active server with room" in answers[2].message
    assert [place.server_id for place in house.places()] == [second, first]
    assert house.job(services[0], "termination_job").ok
    assert house.job(services[2], "create_job").ok
    even = house.group("Even", "least_loaded")
    both = [house.server(cloud, even, name) for name in ("three", "four")]
    for _ in range(4):
        assert house.job(house.sell({**CONFIG, "server_group": even}), "create_job").ok
    assert [place.server_id for place in house.places()][-4:] == [*both, *both]


def test_the_server_that_staff_chose(house: House, cloud: OcsServer) -> None:
    group = house.group()
    house.server(cloud, group, "one")
    other = house.server(cloud, house.group("Other"), "two", max_accounts=1)
    data = {"username": "", "display_name": "", "server": str(other)}
    chosen = [house.sell({**CONFIG, "server_group": group}, data) for _ in "ab"]
    assert [house.job(uuid, "create_job").ok for uuid in chosen] == [True, False]
    assert [place.server_id for place in house.places()] == [other]


def test_no_secret_in_the_log(house: House, cloud: OcsServer) -> None:
    uuid = house.sold(cloud)
    cloud.fail("500_after", method="POST")
    for verb in VERBS:
        assert house.job(uuid, verb).ok
    password = house.service(uuid).provision_data["password"]
    rows = session().scalars(sa.select(ModuleLog)).all()
    text = "\n".join(f"{row.action}\n{row.request}\n{row.response}" for row in rows)
    assert "/cloud/users" in text
    assert password not in text
    assert cloud.password not in text


@pytest.mark.parametrize(
    ("arrange", "words"),
    [
        (lambda cloud: None, "may manage"),
        (lambda cloud: cloud.fail("401"), "credentials"),
        (lambda cloud: cloud.users[cloud.admin].groups.clear(), "administrator"),
        (lambda cloud: cloud.fail("404"), "no Nextcloud"),
        (lambda cloud: cloud.fail("301"), "another address"),
        (lambda cloud: cloud.fail("503"), "error of its own"),
        (lambda cloud: cloud.fail("429"), "too often"),
        (lambda cloud: cloud.fail("timeout"), "in time"),
        (lambda cloud: cloud.fail("drop"), "closed the connection"),
        (lambda cloud: cloud.fail("garbage"), "read"),
        (lambda cloud: cloud.stop(), "Could not connect"),
    ],
)
def test_the_test_of_a_connection_says_what_is_wrong(
    house: House, cloud: OcsServer, arrange: Callable[[OcsServer], None], words: str
) -> None:
    house.server(cloud, house.group())
    arrange(cloud)
    house.part("services.connection").SECONDS = 0.4
    server = session().scalar(sa.select(house.models.Server))
    ok, sentence = house.part("services.connection").test_connection(server)
    assert ok is (words == "may manage")
    assert words in sentence
    assert cloud.password not in sentence


def test_many_at_once_never_take_more_places_than_there_are(house: House, cloud: OcsServer) -> None:
    group = house.group("Even", "least_loaded")
    for name in ("one", "two"):
        house.server(cloud, group, name, max_accounts=2)
    services = [house.sell({**CONFIG, "server_group": group}) for _ in range(8)]
    placement, start, taken = house.part("services.placement"), threading.Barrier(8), []

    def take(uuid: str) -> None:
        with (
            house.panel.app_context(),
            entered(Context("Product", "PuqNextcloud", house.module.package)),
        ):
            start.wait()
            try:
                taken.append(placement.take(uuid, group, placement.number).server_id)
            except placement.NoPlaceError:
                taken.append(0)

    threads = [
        threading.Thread(target=contextvars.Context().run, args=(take, uuid)) for uuid in services
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(house.places()) == 4
    assert sorted(Counter(taken).values()) == [2, 2, 4]


def test_a_worker_tries_again_by_itself(
    house: House, cloud: OcsServer, drain: Callable[..., None]
) -> None:
    uuid = house.sold(cloud)
    house.module.cls.job_options = {"create_job": {"tries": 3, "backoff": 0}}
    cloud.fail("drop_after", method="POST")
    cloud.fail("500", method="GET", skip=1)
    assert requests.request(actor=STAFF, service_uuid=uuid, verb="create").ok
    task = session().scalar(sa.select(Task).where(Task.service_uuid == uuid))
    assert task is not None
    assert (task.tries, task.backoff, task.on_loss) == (3, 0, "repeat")
    drain()
    service = house.service(uuid)
    assert (service.status, service.provision_status, service.failure) == (
        "active",
        "completed",
        "",
    )
    assert (len(cloud.seen("POST", "/users$")), service.provision_data["password"]) == (
        1,
        made(cloud)[1].password,
    )
    cloud.users[cloud.admin].password = "changed"
    assert requests.request(actor=STAFF, service_uuid=uuid, verb="suspend").ok
    drain()
    service = house.service(uuid)
    assert (service.provision_status, "refused the panel's credentials" in service.failure) == (
        "failed",
        True,
    )
