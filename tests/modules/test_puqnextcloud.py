"""PuqNextcloud against a fake Nextcloud that works, and against one that fails."""

from __future__ import annotations

import contextvars
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.service_states import ProvisionStatus
from puqpanel.host.context import Context, entered
from puqpanel.infra.clock import now
from puqpanel.infra.db import db, release, session, transaction
from puqpanel.jobs.modules import outcome_of
from puqpanel.models import ModuleLog, Task
from puqpanel.operations.catalog import products
from puqpanel.operations.provisioning import differences, requests, services, settlement
from tests.fakes.faults import PAGE, Reply
from tests.fakes.ocs import Account, Dialect, OcsServer
from tests.modules.harness import STAFF, VERBS, ModuleHarness

GB = 1024**3
CONFIG = {
    "quota": "5 GB",
    "user_group": "customers",
    "username_prefix": "nc_",
    "username_suffix": "_x",
}


@pytest.fixture
def cloud() -> Iterator[OcsServer]:
    """Run a fake Nextcloud."""
    with OcsServer() as server:
        yield server


class NextcloudHarness(ModuleHarness):
    """PuqNextcloud with servers and services."""

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel, "PuqNextcloud")
        self.part("services.ocs_client").TIMEOUT_SECONDS = 1.2
        self.models = self.part("models.servers")
        self.accounts = self.part("models.accounts").Account

    def group(self, name: str = "Europe", allocation: str = "fill_first") -> int:
        """Add a server group; return its id."""
        with transaction() as current:
            row = self.models.ServerGroup(name=name, allocation=allocation)
            current.add(row)
            current.flush()
            return int(row.id)

    def server(self, cloud: OcsServer, group: int, name: str = "cloud-1", **values: Any) -> int:
        """Add the fake as a server; return its id."""
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

    def add_default_service(
        self, cloud: OcsServer, data: dict[str, Any] | None = None, **config: Any
    ) -> str:
        """Add a service whose product uses this server; return its uuid."""
        group = session().scalar(sa.select(self.models.ServerGroup.id)) or self.group()
        if session().scalar(sa.select(self.models.Server.id)) is None:
            self.server(cloud, group)
        return self.add_service({**CONFIG, "server_group": group, **config}, data)

    def account_rows(self) -> list[Any]:
        """Return all account rows."""
        db.session.expire_all()
        release()
        return list(session().scalars(sa.select(self.accounts).order_by(self.accounts.id)))


@pytest.fixture
def harness(served: Panel) -> NextcloudHarness:
    """Return the active module."""
    return NextcloudHarness(served)


def only_account(cloud: OcsServer) -> tuple[str, Account]:
    """Return the name and the account of the only customer."""
    ((name, account),) = cloud.customers.items()
    return name, account


def test_service_lifecycle(harness: NextcloudHarness, cloud: OcsServer) -> None:
    uuid = harness.add_default_service(
        cloud, {"display_name": "Astrid", "username": "", "server": "0"}
    )
    assert harness.job(uuid, "create_job").ok
    name, account = only_account(cloud)
    assert name.startswith("nc_")
    assert name.endswith("_x")
    assert (account.groups, account.quota, account.enabled, account.display_name) == (
        ["customers"],
        "5 GB",
        True,
        "Astrid",
    )
    saved = harness.service(uuid).provision_data
    assert (saved["username"], saved["password"], saved["user_group"]) == (
        name,
        account.password,
        "customers",
    )
    assert harness.observe(uuid) == {
        "exists": True,
        "suspended": False,
        "data": {"username": name},
    }
    assert harness.job(uuid, "suspend_job").ok
    assert not account.enabled
    assert harness.observe(uuid)["suspended"]
    assert harness.job(uuid, "unsuspend_job").ok
    assert account.enabled
    cloud.groups.add("gold")
    with transaction():
        products.find_product(harness.service(uuid).product.uuid).config = {
            **CONFIG,
            "quota": "none",
            "user_group": "gold",
        }
    assert harness.job(uuid, "change_package_job").ok
    assert (account.quota, account.groups) == ("none", ["gold"])
    assert harness.job(uuid, "termination_job").ok
    assert cloud.customers == {}
    assert harness.account_rows() == []
    assert harness.observe(uuid) == {"exists": False, "suspended": False, "data": {}}


def test_account_can_not_be_moved(harness: NextcloudHarness, cloud: OcsServer) -> None:
    uuid = harness.add_default_service(cloud)
    assert "Chosen by the server group" in harness.call(uuid, "get_service_page").value
    assert harness.job(uuid, "create_job").ok
    name, other = only_account(cloud)[0], harness.server(cloud, harness.group("Other"), "cloud-2")
    page = harness.call(uuid, "get_service_page").value
    assert (f'value="{name}"' in page, 'selected value="1"' in page) == (True, True)
    saved = {"username": name, "display_name": "Astrid", "server": "1"}
    services.save_service_data(actor=STAFF, uuid=uuid, data=saved)
    for changes in ({"username": "anna"}, {"server": str(other)}):
        with pytest.raises(InvalidInput):
            services.save_service_data(actor=STAFF, uuid=uuid, data={**saved, **changes})
    assert harness.job(uuid, "suspend_job").ok
    assert not only_account(cloud)[1].enabled


def test_jobs_are_idempotent(harness: NextcloudHarness, cloud: OcsServer) -> None:
    uuid = harness.add_default_service(cloud)
    for verb in VERBS:
        assert [harness.job(uuid, verb).ok for _ in "ab"] == [True, True], verb
        assert len(cloud.customers) == (0 if verb == "termination_job" else 1)
    assert len(cloud.seen("POST", "/users$")) == 1


@pytest.mark.parametrize("kind", ["timeout_after", "drop_after", "500_after", "empty"])
def test_create_with_a_lost_response_is_not_sent_again(
    harness: NextcloudHarness, cloud: OcsServer, kind: str
) -> None:
    uuid = harness.add_default_service(cloud)
    cloud.fail(kind, method="POST", path="/users$")
    assert harness.job(uuid, "create_job").ok
    name, account = only_account(cloud)
    assert len(cloud.seen("POST", "/users$")) == 1
    assert (account.groups, account.quota, harness.service(uuid).provision_data["password"]) == (
        ["customers"],
        "5 GB",
        account.password,
    )
    assert harness.account_rows()[0].username == name


@pytest.mark.parametrize("kind", ["timeout", "drop", "500", "502", "503", "garbage"])
def test_create_is_sent_again_only_after_reading_the_state(
    harness: NextcloudHarness, cloud: OcsServer, kind: str
) -> None:
    uuid = harness.add_default_service(cloud)
    cloud.fail(kind, method="POST", path="/users$")
    first = harness.job(uuid, "create_job")
    assert (first.ok, first.retry) == (False, True)
    assert cloud.customers == {}
    before = harness.service(uuid).provision_data
    assert harness.job(uuid, "create_job").ok
    name, account = only_account(cloud)
    assert (before["username"], before["password"]) == (
        name,
        account.password,
    ), "name and password were saved before the request"
    assert [request.method for request in cloud.requests][:5] == [
        "GET",
        "POST",
        "GET",
        "GET",
        "POST",
    ]


def test_create_continues_on_retry_when_reading_back_fails(
    harness: NextcloudHarness, cloud: OcsServer
) -> None:
    uuid = harness.add_default_service(cloud)
    cloud.fail("drop_after", method="POST", path="/users$")
    cloud.fail("500", method="GET", path="/users/nc_", skip=1)
    first = harness.job(uuid, "create_job")
    assert (first.ok, first.retry, len(cloud.customers)) == (False, True, 1)
    assert harness.job(uuid, "create_job").ok
    assert len(cloud.seen("POST", "/users$")) == len(cloud.customers) == 1


def test_existing_user_is_not_taken_over(harness: NextcloudHarness, cloud: OcsServer) -> None:
    cloud.users["anna"] = Account("her own password", quota="1 GB")
    uuid = harness.add_default_service(
        cloud, {"username": "anna", "display_name": "", "server": "0"}
    )
    answer = harness.job(uuid, "create_job")
    assert (answer.ok, answer.retry) == (False, False)
    assert "anna is taken" in answer.message
    assert cloud.users["anna"] == Account("her own password", quota="1 GB")
    assert cloud.seen("POST") == []
    assert harness.account_rows() == []
    assert harness.job(uuid, "termination_job").ok
    assert "anna" in cloud.users


def test_taken_generated_name_is_replaced(harness: NextcloudHarness, cloud: OcsServer) -> None:
    numbers = iter(["111111", "111111", "222222"])
    harness.part("services.placement").random_number = lambda: next(numbers)
    cloud.users["nc_111111_x"] = Account("her own password")
    uuid = harness.add_default_service(cloud)
    assert harness.job(uuid, "create_job").ok
    assert set(cloud.customers) == {"nc_111111_x", "nc_222222_x"}
    assert harness.service(uuid).provision_data["username"] == "nc_222222_x"


def test_user_names_are_unique(harness: NextcloudHarness, cloud: OcsServer) -> None:
    numbers = iter(["111111", "111111", "222222", "333333"])
    harness.part("services.placement").random_number = lambda: next(numbers)
    for uuid in [harness.add_default_service(cloud), harness.add_default_service(cloud)]:
        assert harness.job(uuid, "create_job").ok
    assert set(cloud.customers) == {"nc_111111_x", "nc_222222_x"}


@pytest.mark.parametrize(
    ("arrange", "retry", "words"),
    [
        (lambda cloud: cloud.groups.clear(), False, "customers"),
        (lambda cloud: setattr(cloud.dialect, "min_password", 99), False, "99 characters"),
        (lambda cloud: cloud.fail("429", method="POST"), True, "too many requests"),
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
        (lambda cloud: cloud.fail("404"), False, "No Nextcloud"),
        (lambda cloud: cloud.fail("301"), False, "another address"),
        (lambda cloud: cloud.fail("garbage"), True, "read"),
    ],
)
def test_failed_create_releases_the_reservation(
    harness: NextcloudHarness,
    cloud: OcsServer,
    arrange: Callable[[OcsServer], None],
    retry: bool,
    words: str,
) -> None:
    uuid = harness.add_default_service(cloud)
    arrange(cloud)
    answer = harness.job(uuid, "create_job")
    assert (answer.ok, answer.retry) == (False, retry)
    assert words in answer.message
    assert (cloud.customers, harness.account_rows(), harness.service(uuid).provision_data) == (
        {},
        [],
        {},
    )


def test_rejected_quota_keeps_the_account(harness: NextcloudHarness, cloud: OcsServer) -> None:
    uuid = harness.add_default_service(cloud, quota="5 PB")
    answer = harness.job(uuid, "create_job")
    assert (answer.ok, answer.retry) == (False, False)
    assert "Invalid quota" in answer.message
    assert len(harness.account_rows()) == len(cloud.customers) == 1, "the server created it anyway"
    assert harness.job(uuid, "termination_job").ok
    assert (cloud.customers, harness.account_rows()) == ({}, [])


def change_product(harness: NextcloudHarness, uuid: str, **config: Any) -> None:
    """Change the settings of a service's product."""
    with transaction():
        product = products.find_product(harness.service(uuid).product.uuid)
        product.config = {**product.config, **config}


def test_refused_change_of_package_changes_nothing(
    harness: NextcloudHarness, cloud: OcsServer
) -> None:
    uuid = harness.add_default_service(cloud)
    assert harness.job(uuid, "create_job").ok
    change_product(harness, uuid, quota="9 GB", user_group="absent")
    answer = harness.job(uuid, "change_package_job")
    assert (answer.ok, answer.retry) == (False, False)
    assert "group absent does not exist" in answer.message
    assert "keeps its quota and user group" in answer.message
    account = only_account(cloud)[1]
    assert (account.quota, account.groups) == ("5 GB", ["customers"])
    cloud.groups.add("gold")
    change_product(harness, uuid, quota="9 PB", user_group="gold")
    answer = harness.job(uuid, "change_package_job")
    assert "Invalid quota" in answer.message
    assert "keeps its quota and user group" in answer.message
    assert (account.quota, account.groups) == ("5 GB", ["customers"])


def test_change_that_can_not_be_undone_is_described(
    harness: NextcloudHarness, cloud: OcsServer
) -> None:
    uuid = harness.add_default_service(cloud)
    assert harness.job(uuid, "create_job").ok
    cloud.groups.add("gold")
    change_product(harness, uuid, quota="9 PB", user_group="gold")
    cloud.fail("500", method="POST", path="/groups$", skip=1)
    answer = harness.job(uuid, "change_package_job")
    assert not answer.ok
    assert "The quota was not changed." in answer.message
    assert "moved from the group customers to gold" in answer.message
    assert only_account(cloud)[1].groups == ["gold"]
    change_product(harness, uuid, quota="9 GB", user_group="customers")
    assert harness.job(uuid, "change_package_job").ok
    assert only_account(cloud)[1].groups == ["customers"]


def test_groups_of_unfinished_changes_are_left(harness: NextcloudHarness, cloud: OcsServer) -> None:
    uuid = harness.add_default_service(cloud)
    assert harness.job(uuid, "create_job").ok
    cloud.groups |= {"gold & more/1", "staff"}
    change_product(harness, uuid, user_group="gold & more/1")
    cloud.fail("drop_after", method="POST", path="/groups$")
    assert harness.job(uuid, "change_package_job").retry
    assert only_account(cloud)[1].groups == ["customers", "gold & more/1"]
    change_product(harness, uuid, user_group="staff")
    assert harness.job(uuid, "change_package_job").ok
    assert only_account(cloud)[1].groups == ["staff"]
    change_product(harness, uuid, user_group="")
    cloud.groups.remove("staff")
    assert harness.job(uuid, "change_package_job").ok, "a deleted group need not be left"


def test_display_name_is_sent_after_a_half_made_create(
    harness: NextcloudHarness, cloud: OcsServer
) -> None:
    data = {"username": "", "display_name": "Astrid", "server": "0"}
    uuid = harness.add_default_service(cloud, data)
    cloud.fail("drop_after", method="POST", path="/users$")
    cloud.fail("500", method="GET", path="/users/nc_", skip=1)
    assert harness.job(uuid, "create_job").retry
    account = only_account(cloud)[1]
    account.display_name = ""
    assert harness.job(uuid, "create_job").ok
    assert account.display_name == "Astrid"
    account.display_name = "Own choice"
    assert harness.job(uuid, "change_package_job").ok
    assert account.display_name == "Own choice", "what the customer changed is kept"


def test_changed_display_name_is_sent(
    harness: NextcloudHarness, cloud: OcsServer, drain: Callable[..., None]
) -> None:
    uuid = harness.add_default_service(cloud)
    assert harness.job(uuid, "create_job").ok
    saved = {"username": "", "display_name": "Zoë & Co.", "server": "0"}
    services.save_service_data(actor=STAFF, uuid=uuid, data=saved)
    drain()
    assert only_account(cloud)[1].display_name == "Zoë & Co."
    services.save_service_data(actor=STAFF, uuid=uuid, data={**saved, "display_name": "Bea"})
    assert harness.job(uuid, "change_package_job").ok
    assert only_account(cloud)[1].display_name == "Bea"
    cloud.dialect.display_name = False
    services.save_service_data(actor=STAFF, uuid=uuid, data={**saved, "display_name": "Cleo"})
    change_product(harness, uuid, quota="9 GB")
    answer = harness.job(uuid, "change_package_job")
    assert (answer.ok, "display name was not set" in answer.message) == (True, True)
    assert only_account(cloud)[1].quota == "9 GB"


@pytest.mark.parametrize("mode", ["ocs", "page"])
@pytest.mark.parametrize("verb", VERBS)
def test_maintenance_is_waited_for(
    harness: NextcloudHarness, cloud: OcsServer, verb: str, mode: str
) -> None:
    uuid = harness.add_default_service(cloud)
    if verb != "create_job":
        assert harness.job(uuid, "create_job").ok
    cloud.maintenance = mode
    answer = harness.job(uuid, verb)
    assert answer.pending
    assert answer.message == "cloud-1 is in maintenance mode."
    cloud.maintenance = ""
    assert harness.job(uuid, verb).ok


@pytest.mark.parametrize("kind", ["302", "403", "404", "400"])
def test_create_reads_back_after_a_page_of_a_proxy(
    harness: NextcloudHarness, cloud: OcsServer, kind: str
) -> None:
    uuid = harness.add_default_service(cloud)
    work = cloud.work

    def garbled(request: Any) -> Any:
        reply = work(request)
        return Reply(int(kind), PAGE) if request.method == "POST" else reply

    cloud.work = garbled  # type: ignore[method-assign]
    assert harness.job(uuid, "create_job").ok
    assert len(cloud.customers) == 1


def test_server_error_has_no_empty_parts(harness: NextcloudHarness, cloud: OcsServer) -> None:
    uuid = harness.add_default_service(cloud)
    cloud.broken = {"GET"}
    answer = harness.job(uuid, "create_job")
    assert answer.message == "cloud-1 reported an internal error: Internal Server Error."


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
def test_other_jobs_succeed_on_retry(
    harness: NextcloudHarness, cloud: OcsServer, verb: str, kind: str
) -> None:
    uuid = harness.add_default_service(cloud, quota="5 GB")
    assert harness.job(uuid, "create_job").ok
    only_account(cloud)[1].quota = "1 GB"
    method = "DELETE" if verb == "termination_job" else "PUT"
    cloud.fail(kind, method=method)
    first = harness.job(uuid, verb)
    assert first.ok or first.retry
    again = harness.job(uuid, verb)
    assert again.ok, again.message
    if verb == "termination_job":
        assert (cloud.customers, harness.account_rows()) == ({}, [])
    else:
        assert only_account(cloud)[1].enabled is (verb != "suspend_job")
        assert only_account(cloud)[1].quota == ("5 GB" if verb == "change_package_job" else "1 GB")


@pytest.mark.parametrize("verb", VERBS[1:])
def test_wrong_credentials_are_not_retried(
    harness: NextcloudHarness, cloud: OcsServer, verb: str
) -> None:
    uuid = harness.add_default_service(cloud)
    assert harness.job(uuid, "create_job").ok
    cloud.users[cloud.admin].password = "changed"
    answer = harness.job(uuid, verb)
    assert (answer.ok, answer.retry) == (False, False)
    assert "refused the panel's credentials" in answer.message
    assert len(cloud.customers) == 1


@pytest.mark.parametrize("verb", ["suspend_job", "unsuspend_job", "change_package_job"])
def test_missing_account_sets_status_not_found(
    harness: NextcloudHarness, cloud: OcsServer, verb: str
) -> None:
    uuid = harness.add_default_service(cloud)
    assert harness.job(uuid, "create_job").ok
    settlement.set_provision_status(service_uuid=uuid, status=ProvisionStatus.PROCESSING)
    cloud.users.pop(only_account(cloud)[0])
    answer = harness.job(uuid, verb)
    assert (answer.ok, answer.retry, harness.service(uuid).provision_status) == (
        False,
        False,
        "not_found",
    )
    assert harness.observe(uuid)["exists"] is False
    assert harness.job(uuid, "termination_job").ok


@pytest.mark.parametrize("verb", ["suspend_job", "unsuspend_job", "change_package_job"])
def test_jobs_without_an_account_fail(
    harness: NextcloudHarness, cloud: OcsServer, verb: str
) -> None:
    answer = harness.job(harness.add_default_service(cloud), verb)
    assert (answer.ok, answer.retry) == (False, False)
    assert "no account" in answer.message
    assert cloud.requests == []


def test_observe_reports_unknown_state(harness: NextcloudHarness, cloud: OcsServer) -> None:
    uuid = harness.add_default_service(cloud)
    assert harness.job(uuid, "create_job").ok
    for kind in ("500", "timeout", "drop", "garbage", "429", "401"):
        cloud.fail(kind)
        assert harness.observe(uuid) is None, kind


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
def test_other_server_dialects(served: Panel, dialect: Dialect) -> None:
    with OcsServer(dialect=dialect) as cloud:
        harness = NextcloudHarness(served)
        uuid = harness.add_default_service(cloud)
        for verb in VERBS[:4]:
            answer = harness.job(uuid, verb)
            assert answer.ok, answer.message
        account = only_account(cloud)[1]
        assert (account.groups, account.quota, account.enabled) == (["customers"], "5 GB", True)
        assert harness.observe(uuid)["exists"]
        ok, message = harness.part("services.connection").test_connection(
            harness.account_rows()[0].server
        )
        assert ok, message
        assert "31.0.9" in message
        assert harness.job(uuid, "termination_job").ok
        assert cloud.customers == {}


def test_fill_first_and_least_loaded(harness: NextcloudHarness, cloud: OcsServer) -> None:
    group = harness.group()
    first = harness.server(cloud, group, "one", max_accounts=1, position=2)
    second = harness.server(cloud, group, "two", max_accounts=1, position=1)
    harness.server(cloud, group, "off", active=False, position=0)
    services = [harness.add_service({**CONFIG, "server_group": group}) for _ in range(3)]
    answers = [harness.job(uuid, "create_job") for uuid in services]
    assert [answer.ok for answer in answers] == [True, True, False]
    assert "no active server with capacity" in answers[2].message
    assert [row.server_id for row in harness.account_rows()] == [second, first]
    assert harness.job(services[0], "termination_job").ok
    assert harness.job(services[2], "create_job").ok
    even = harness.group("Even", "least_loaded")
    both = [harness.server(cloud, even, name) for name in ("three", "four")]
    for _ in range(4):
        assert harness.job(harness.add_service({**CONFIG, "server_group": even}), "create_job").ok
    assert [row.server_id for row in harness.account_rows()][-4:] == [*both, *both]


def test_server_chosen_by_staff(harness: NextcloudHarness, cloud: OcsServer) -> None:
    group = harness.group()
    harness.server(cloud, group, "one")
    other = harness.server(cloud, harness.group("Other"), "two", max_accounts=1)
    data = {"username": "", "display_name": "", "server": str(other)}
    chosen = [harness.add_service({**CONFIG, "server_group": group}, data) for _ in "ab"]
    assert [harness.job(uuid, "create_job").ok for uuid in chosen] == [True, False]
    assert [row.server_id for row in harness.account_rows()] == [other]


def test_module_log_contains_no_secret(harness: NextcloudHarness, cloud: OcsServer) -> None:
    uuid = harness.add_default_service(cloud)
    cloud.fail("500_after", method="POST")
    for verb in VERBS:
        assert harness.job(uuid, verb).ok
    password = harness.service(uuid).provision_data["password"]
    rows = session().scalars(sa.select(ModuleLog)).all()
    text = "\n".join(f"{row.action}\n{row.request}\n{row.response}" for row in rows)
    assert "/cloud/users" in text
    assert password not in text
    assert cloud.password not in text


@pytest.mark.parametrize(
    ("arrange", "words"),
    [
        (lambda cloud: None, "can manage"),
        (lambda cloud: cloud.fail("401"), "credentials"),
        (lambda cloud: cloud.users[cloud.admin].groups.clear(), "administrator"),
        (lambda cloud: cloud.fail("404"), "No Nextcloud"),
        (lambda cloud: cloud.fail("301"), "another address"),
        (lambda cloud: cloud.fail("503"), "internal error"),
        (lambda cloud: cloud.fail("429"), "too many requests"),
        (lambda cloud: cloud.fail("timeout"), "in time"),
        (lambda cloud: cloud.fail("drop"), "closed the connection"),
        (lambda cloud: cloud.fail("garbage"), "read"),
        (lambda cloud: setattr(cloud, "maintenance", "ocs"), "is in maintenance mode"),
        (lambda cloud: cloud.fail("403"), "firewall or proxy"),
        (lambda cloud: cloud.stop(), "Could not connect"),
    ],
)
def test_connection_test_explains_failures(
    harness: NextcloudHarness, cloud: OcsServer, arrange: Callable[[OcsServer], None], words: str
) -> None:
    harness.server(cloud, harness.group())
    arrange(cloud)
    harness.part("services.ocs_client").TIMEOUT_SECONDS = 0.4
    server = session().scalar(sa.select(harness.models.Server))
    ok, message = harness.part("services.connection").test_connection(server)
    assert ok is (words == "can manage")
    assert words in message
    assert cloud.password not in message


def test_tls_on_a_plain_port_is_named(harness: NextcloudHarness, cloud: OcsServer) -> None:
    harness.server(cloud, harness.group(), ssl=True)
    server = session().scalar(sa.select(harness.models.Server))
    ok, message = harness.part("services.connection").test_connection(server)
    assert not ok
    assert "does not use TLS (https) on this port" in message


def test_concurrent_reservations_respect_the_limits(
    harness: NextcloudHarness, cloud: OcsServer
) -> None:
    group = harness.group("Even", "least_loaded")
    for name in ("one", "two"):
        harness.server(cloud, group, name, max_accounts=2)
    services = [harness.add_service({**CONFIG, "server_group": group}) for _ in range(8)]
    placement, barrier, server_ids = harness.part("services.placement"), threading.Barrier(8), []

    def reserve(uuid: str) -> None:
        with (
            harness.panel.app_context(),
            entered(Context("Product", "PuqNextcloud", harness.module.package)),
        ):
            barrier.wait()
            try:
                server_ids.append(placement.reserve(uuid, group, placement.random_number).server_id)
            except placement.PlacementError:
                server_ids.append(0)

    threads = [
        threading.Thread(target=contextvars.Context().run, args=(reserve, uuid))
        for uuid in services
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(harness.account_rows()) == 4
    assert sorted(Counter(server_ids).values()) == [2, 2, 4]


def test_worker_retries(
    harness: NextcloudHarness, cloud: OcsServer, drain: Callable[..., None]
) -> None:
    uuid = harness.add_default_service(cloud)
    harness.module.cls.job_options = {"create_job": {"tries": 3, "backoff": 0}}
    cloud.fail("drop_after", method="POST")
    cloud.fail("500", method="GET", skip=1)
    assert requests.request(actor=STAFF, service_uuid=uuid, verb="create").ok
    task = session().scalar(sa.select(Task).where(Task.about("service", uuid)))
    assert task is not None
    assert (task.tries, task.backoff, task.on_loss) == (3, 0, "repeat")
    drain()
    service = harness.service(uuid)
    assert (service.status, service.provision_status, str(service.failure)) == (
        "active",
        "completed",
        "",
    )
    assert (len(cloud.seen("POST", "/users$")), service.provision_data["password"]) == (
        1,
        only_account(cloud)[1].password,
    )
    cloud.users[cloud.admin].password = "changed"
    assert requests.request(actor=STAFF, service_uuid=uuid, verb="suspend").ok
    drain()
    service = harness.service(uuid)
    assert (
        service.provision_status,
        "refused the panel's credentials" in str(service.failure),
    ) == (
        "failed",
        True,
    )


def test_task_waits_as_long_as_the_provider_asks(
    harness: NextcloudHarness, cloud: OcsServer
) -> None:
    uuid = harness.add_default_service(cloud)
    cloud.fail("429", method="POST", after=3600)
    task = Task(id=1, attempt=1, tries=1, backoff=5, waited=0, data={})
    outcome = outcome_of(harness.call(uuid, "create_job", task=task), task)
    assert outcome.kind == "wait", outcome.message
    assert outcome.until is not None and outcome.until > now() + timedelta(seconds=3590)


def test_a_created_account_agrees_with_the_panel(
    harness: NextcloudHarness, cloud: OcsServer
) -> None:
    uuid = harness.add_default_service(cloud)
    assert harness.job(uuid, "create_job").ok
    assert harness.compare(uuid, "active", "completed") is None
    only_account(cloud)[1].enabled = False
    assert harness.compare(uuid, "active", "completed").kind == "suspended"
    assert harness.compare(uuid, "suspended", "suspended") is None
    del cloud.users[only_account(cloud)[0]]
    assert harness.compare(uuid, "active", "completed").kind == "gone"
    assert harness.job(uuid, "create_job").ok, "created again"
    assert harness.compare(uuid, "active", "completed") is None


def test_an_account_of_a_lost_attempt_can_be_taken_over(
    harness: NextcloudHarness, cloud: OcsServer
) -> None:
    uuid = harness.add_default_service(cloud)
    assert harness.job(uuid, "create_job").ok
    with transaction():  # as if the responses after the creation had been lost
        service = services.lock_service(uuid)
        service.provision_data = {**service.provision_data, "created": False}
    difference = harness.compare(uuid, "pending", "failed")
    assert (difference.kind, [change.key for change in difference.changes]) == (
        "found",
        ["created"],
    )
    differences.take_over(actor=STAFF, service_uuid=uuid, seen=difference.digest)
    service = harness.service(uuid)
    assert (service.status, service.provision_data["created"]) == ("active", True)
    assert harness.job(uuid, "termination_job").ok
    assert (cloud.customers, harness.account_rows()) == ({}, [])
