"""VPSHosting against a fake DigitalOcean that works, and against one that fails."""

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
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.host import migrations, registry
from puqpanel.host.context import Context, entered
from puqpanel.host.contract.result import Result
from puqpanel.infra import migrate
from puqpanel.infra.clock import now
from puqpanel.infra.db import db, release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.jobs.modules import outcome_of
from puqpanel.live import Live, dismantle
from puqpanel.models import ModuleLog, Task, TaskAttempt
from puqpanel.operations.catalog import products
from puqpanel.operations.provisioning import requests, services
from tests.fakes.digitalocean import DigitalOceanServer, Droplet
from tests.modules.harness import STAFF, VERBS, ModuleHarness
from tests.sample import activate

KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH1x2ZvQ9pT0n3VtX5m0cQ4n1kQyC6m0l6Jq7h5s8bWf astrid@lumen"
)
SERVICE = {
    "hostname": "web1.lumen.test",
    "image_id": "ubuntu-24.04",
    "ssh_keys": [KEY],
    "root_password": "",
}
CONFIG = {
    "cpu_cores": 2,
    "ram_mb": 2048,
    "disk_gb": 50,
    "bandwidth_gb": 1000,
    "location": "eu-west-1",
    "backup_enabled": True,
}
BASE = "/v2/droplets$"


@pytest.fixture
def cloud() -> Iterator[DigitalOceanServer]:
    """Run a fake DigitalOcean."""
    with DigitalOceanServer() as server:
        yield server


@pytest.fixture
def served(settings: Settings, app: Panel) -> Iterator[Panel]:
    """Run the test in a panel with the active module."""
    with app.app_context():
        activate(app, STAFF, "VPSHosting")
    panel = Live(settings).ensure()
    assert not panel.registry.refused
    with panel.app_context():
        yield panel
    dismantle(panel)


class VpsHarness(ModuleHarness):
    """VPSHosting with accounts and services."""

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel, "VPSHosting")
        self.part("services.api").TIMEOUT_SECONDS = 1.2
        self.accounts = self.part("models.accounts").Account
        self.servers = self.part("models.servers").Server
        self.images = self.part("models.images").Image

    def account(self, cloud: DigitalOceanServer, name: str = "main", **values: Any) -> int:
        """Add the fake as an account; return its id."""
        with transaction() as current:
            row = self.accounts(
                **{"name": name, "api_url": cloud.url, "api_token": cloud.token, **values}
            )
            current.add(row)
            current.flush()
            return int(row.id)

    def add_default_service(
        self, cloud: DigitalOceanServer, data: dict[str, Any] | None = None, **config: Any
    ) -> str:
        """Add a service whose product uses this account; return its uuid."""
        if session().scalar(sa.select(self.accounts.id)) is None:
            self.account(cloud)
        return self.add_service({**CONFIG, **config}, SERVICE if data is None else data)

    def finish(self, uuid: str, verb: str, max_runs: int = 12) -> Result:
        """Repeat a job while its result is pending, as the task engine does."""
        for _ in range(max_runs):
            answer = self.job(uuid, verb)
            if not answer.pending:
                return answer
        raise AssertionError(f"{verb} is still pending: {answer.message}")

    def ready(
        self, cloud: DigitalOceanServer, data: dict[str, Any] | None = None, **config: Any
    ) -> str:
        """Add an active service with its server; return its uuid."""
        uuid = self.add_default_service(cloud, data, **config)
        answer = self.finish(uuid, "create_job")
        assert answer.ok, answer.message
        with transaction():
            service = self.service(uuid)
            service.status, service.provision_status = (
                ServiceStatus.ACTIVE,
                ProvisionStatus.COMPLETED,
            )
        return uuid

    def row(self, uuid: str) -> Any:
        """Return the service's server as it is stored now."""
        db.session.expire_all()
        release()
        return session().scalar(sa.select(self.servers).where(self.servers.service_uuid == uuid))

    def configure(self, uuid: str, **config: Any) -> None:
        """Change the configuration of the service's product."""
        with transaction():
            products.find_product(self.service(uuid).product.uuid).config = {**CONFIG, **config}


@pytest.fixture
def harness(served: Panel) -> VpsHarness:
    """Return the active module."""
    return VpsHarness(served)


def only_droplet(cloud: DigitalOceanServer) -> Droplet:
    """Return the only server."""
    (droplet,) = cloud.droplets.values()
    return droplet


def test_loads_without_warnings_and_migrations_match_models(harness: VpsHarness) -> None:
    tree = migrations.tree(harness.module.folder, harness.module.prefix)
    assert tree is not None
    assert harness.module.warnings == ()
    assert migrate.differences(db.engine, harness.part("models.base").Base.metadata, tree) == []
    seeded = session().scalars(sa.select(harness.images.image_id)).all()
    assert {"ubuntu-20.04", "ubuntu-24.04", "debian-12"} <= set(seeded)
    migrations.downgrade(harness.module.folder, harness.module.prefix)
    migrations.upgrade(harness.module.folder, harness.module.prefix)
    assert len(session().scalars(sa.select(harness.images.image_id)).all()) == len(seeded)


def test_service_lifecycle(harness: VpsHarness, cloud: DigitalOceanServer) -> None:
    uuid = harness.add_default_service(cloud)
    first = harness.job(uuid, "create_job")
    assert (first.ok, first.pending) == (True, True), "requested but not ready"
    droplet = only_droplet(cloud)
    assert (droplet.name, droplet.region, droplet.size, droplet.image) == (
        "web1.lumen.test",
        "ams3",
        "s-2vcpu-2gb",
        "ubuntu-24-04-x64",
    )
    assert (droplet.backups, droplet.monitoring, droplet.tags) == (
        True,
        True,
        ["puqpanel", f"puqpanel:{uuid}"],
    )
    assert [key["public_key"] for key in cloud.keys.values()] == [KEY]
    assert droplet.ssh_keys == list(cloud.keys)
    assert harness.finish(uuid, "create_job").ok
    row, saved = harness.row(uuid), harness.service(uuid).provision_data
    assert (row.status, row.ip_address, row.server_id, row.size) == (
        "active",
        droplet.address,
        str(droplet.id),
        "s-2vcpu-2gb",
    )
    assert (saved["ip_address"], saved["hostname"], saved["root_password"]) == (
        droplet.address,
        "web1.lumen.test",
        row.root_password,
    )
    assert len(row.root_password) == 20
    assert harness.observe(uuid) == {
        "exists": True,
        "suspended": False,
        "data": {"server_id": str(droplet.id), "ip_address": droplet.address},
    }
    assert harness.finish(uuid, "suspend_job").ok
    assert (droplet.status, harness.row(uuid).status, harness.observe(uuid)["suspended"]) == (
        "off",
        "suspended",
        True,
    )
    assert harness.finish(uuid, "unsuspend_job").ok
    assert (droplet.status, harness.row(uuid).status) == ("active", "active")
    harness.configure(uuid, cpu_cores=4, ram_mb=8192, disk_gb=100, backup_enabled=False)
    assert harness.finish(uuid, "change_package_job").ok
    assert (droplet.size, droplet.disk, droplet.backups, droplet.status) == (
        "s-4vcpu-8gb",
        160,
        False,
        "active",
    )
    assert harness.row(uuid).size == "s-4vcpu-8gb"
    assert harness.finish(uuid, "termination_job").ok
    assert cloud.droplets == {}
    assert (harness.row(uuid).status, harness.row(uuid).root_password) == ("terminated", "")
    assert harness.observe(uuid) == {"exists": False, "suspended": False, "data": {}}


def test_root_password_is_sent_as_a_hash(harness: VpsHarness, cloud: DigitalOceanServer) -> None:
    uuid = harness.ready(cloud)
    data, password = only_droplet(cloud).user_data, harness.row(uuid).root_password
    assert data.startswith("#cloud-config\n")
    assert password not in data
    salt = data.split("$6$")[1].split("$")[0]
    assert f"root:{harness.part('services.userdata').sha512_crypt(password, salt)}\n" in data


def test_jobs_are_idempotent(harness: VpsHarness, cloud: DigitalOceanServer) -> None:
    uuid = harness.add_default_service(cloud)
    for verb in VERBS:
        assert [harness.finish(uuid, verb).ok for _ in "ab"] == [True, True], verb
        assert len(cloud.droplets) == (0 if verb == "termination_job" else 1)
    assert len(cloud.seen("POST", BASE)) == 1


@pytest.mark.parametrize("kind", ["timeout_after", "drop_after", "500_after", "empty"])
def test_create_with_a_lost_response_is_not_sent_again(
    harness: VpsHarness, cloud: DigitalOceanServer, kind: str
) -> None:
    uuid = harness.add_default_service(cloud)
    cloud.fail(kind, method="POST", path=BASE)
    assert harness.finish(uuid, "create_job").ok
    assert (len(cloud.seen("POST", BASE)), cloud.created) == (1, [only_droplet(cloud).id])
    assert harness.row(uuid).server_id == str(only_droplet(cloud).id)


@pytest.mark.parametrize("kind", ["timeout", "drop", "500", "503", "garbage"])
def test_create_is_sent_again_only_after_reading_the_state(
    harness: VpsHarness, cloud: DigitalOceanServer, kind: str
) -> None:
    uuid = harness.add_default_service(cloud, {**SERVICE, "ssh_keys": []})
    cloud.fail(kind, method="POST", path=BASE)
    first = harness.job(uuid, "create_job")
    assert (first.ok, first.retry, cloud.droplets) == (False, True, {})
    before = harness.service(uuid).provision_data["root_password"]
    assert harness.finish(uuid, "create_job").ok
    assert harness.row(uuid).root_password == before, "the password was saved before the request"
    assert [request.method for request in cloud.requests][:5] == [
        "GET",
        "POST",
        "GET",
        "GET",
        "POST",
    ]


def test_create_continues_on_retry_when_reading_back_fails(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.add_default_service(cloud)
    cloud.fail("drop_after", method="POST", path=BASE)
    cloud.fail("500", method="GET", path=BASE, skip=1)
    first = harness.job(uuid, "create_job")
    assert (first.ok, first.retry, len(cloud.droplets)) == (False, True, 1)
    assert harness.finish(uuid, "create_job").ok
    assert len(cloud.created) == 1


def test_lost_server_is_remembered_when_the_second_create_is_rejected(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    """The first server exists and uses up the limit, but the list does not show it yet."""
    uuid = harness.add_default_service(cloud, {**SERVICE, "ssh_keys": []})
    cloud.temper.limit = 1
    cloud.fail("drop_after", method="POST", path=BASE)
    shown, hidden = cloud._droplets, lambda request: cloud._page(request, "droplets", [])
    cloud._droplets = hidden  # type: ignore[method-assign, assignment]
    assert not harness.job(uuid, "create_job").ok
    rejected = harness.job(uuid, "create_job")
    assert (rejected.ok, rejected.retry, "droplet limit" in rejected.message) == (
        False,
        False,
        True,
    )
    cloud._droplets = shown  # type: ignore[method-assign]
    assert harness.finish(uuid, "create_job").ok
    assert (cloud.created, harness.row(uuid).server_id) == (
        [only_droplet(cloud).id],
        str(only_droplet(cloud).id),
    )


def test_late_server_of_a_lost_create_is_terminated(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.add_default_service(cloud)
    cloud.fail("drop_after", method="POST", path=BASE)
    cloud.fail("500", method="GET", path=BASE, skip=1)
    assert not harness.job(uuid, "create_job").ok
    late = dict(cloud.droplets)
    cloud.droplets.clear()
    assert harness.job(uuid, "termination_job").pending, "not in the list yet"
    cloud.droplets.update(late)
    assert harness.finish(uuid, "termination_job").ok
    assert (cloud.droplets, harness.row(uuid).status) == ({}, "terminated")


def test_lost_create_delays_termination_for_minutes_only(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.add_default_service(cloud)
    cloud.fail("drop", method="POST", path=BASE)
    assert not harness.job(uuid, "create_job").ok
    assert harness.job(uuid, "termination_job").pending
    with transaction():
        harness.row(uuid).sent_at = now() - timedelta(minutes=4)
    assert harness.finish(uuid, "termination_job").ok


def test_create_waits_for_an_address(harness: VpsHarness, cloud: DigitalOceanServer) -> None:
    cloud.temper.polls = 4
    uuid = harness.add_default_service(cloud)
    answers = [harness.job(uuid, "create_job") for _ in range(5)]
    assert [answer.pending for answer in answers] == [True] * 4 + [False]
    assert (answers[-1].ok, only_droplet(cloud).address in answers[-1].message) == (True, True)


def test_server_that_is_never_ready_fails(harness: VpsHarness, cloud: DigitalOceanServer) -> None:
    cloud.temper.polls = 1000
    uuid = harness.add_default_service(cloud)
    assert harness.job(uuid, "create_job").pending
    assert harness.observe(uuid) is None, "neither present nor absent"
    with transaction():
        harness.row(uuid).sent_at = now() - timedelta(minutes=61)
    answer = harness.job(uuid, "create_job")
    assert (answer.ok, answer.retry, "more than an hour" in answer.message) == (False, False, True)
    assert len(cloud.created) == 1


def test_abandoned_server_is_requested_again(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.add_default_service(cloud)
    assert harness.job(uuid, "create_job").pending
    cloud.droplets.clear()
    first = harness.job(uuid, "create_job")
    assert (first.ok, first.retry) == (False, True)
    assert harness.finish(uuid, "create_job").ok
    assert len(cloud.created) == 2


@pytest.mark.parametrize(
    ("arrange", "retry", "words"),
    [
        (lambda cloud: cloud.images.pop("ubuntu-24-04-x64"), False, "invalid image"),
        (lambda cloud: setattr(cloud.temper, "limit", 0), False, "droplet limit"),
        (lambda cloud: setattr(cloud, "token", "another"), False, "rejected the API token"),
        (lambda cloud: cloud.fail("401"), False, "rejected the API token"),
        (lambda cloud: cloud.fail("403", method="POST"), False, "lacks a scope"),
        (lambda cloud: cloud.fail("404"), False, "No DigitalOcean API"),
        (lambda cloud: cloud.fail("301"), False, "No DigitalOcean API"),
        (lambda cloud: cloud.fail("garbage"), True, "read"),
        (lambda cloud: cloud.fail("500"), True, "internal error"),
        (lambda cloud: cloud.stop(), True, "Could not connect"),
    ],
)
def test_failed_create_releases_the_reservation(
    harness: VpsHarness,
    cloud: DigitalOceanServer,
    arrange: Callable[[DigitalOceanServer], None],
    retry: bool,
    words: str,
) -> None:
    uuid = harness.add_default_service(cloud)
    arrange(cloud)
    answer = harness.job(uuid, "create_job")
    assert (answer.ok, answer.retry) == (False, retry)
    assert words in answer.message
    assert (cloud.droplets, harness.row(uuid), harness.service(uuid).provision_data) == (
        {},
        None,
        {},
    )
    assert harness.job(uuid, "termination_job").ok


@pytest.mark.parametrize("verb", VERBS)
def test_rate_limit_is_respected(harness: VpsHarness, cloud: DigitalOceanServer, verb: str) -> None:
    uuid = harness.add_default_service(cloud) if verb == "create_job" else harness.ready(cloud)
    cloud.temper.per_hour = 0
    answer = harness.job(uuid, verb)
    assert (answer.ok, answer.retry, "rate limit" in answer.message) == (False, True, True)
    cloud.temper.per_hour = None
    assert harness.finish(uuid, verb).ok
    assert len(cloud.created) == 1
    assert (
        harness.module.cls.job_options[verb]["tries"]
        * harness.module.cls.job_options[verb]["backoff"]
        > 60
    ), "longer than the rate limit per minute"


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
    harness: VpsHarness, cloud: DigitalOceanServer, verb: str, kind: str
) -> None:
    uuid = harness.ready(cloud)
    if verb == "unsuspend_job":
        only_droplet(cloud).status = "off"
    harness.configure(uuid, cpu_cores=4, ram_mb=8192, disk_gb=100)
    cloud.fail(kind, method="DELETE" if verb == "termination_job" else "POST")
    for _ in range(12):
        answer = harness.job(uuid, verb)
        assert answer.ok or answer.retry, answer.message
        if answer.ok and not answer.pending:
            break
    assert answer.ok
    if verb == "termination_job":
        assert (cloud.droplets, harness.row(uuid).status) == ({}, "terminated")
    else:
        assert only_droplet(cloud).status == ("off" if verb == "suspend_job" else "active")
        assert only_droplet(cloud).size == (
            "s-4vcpu-8gb" if verb == "change_package_job" else "s-2vcpu-2gb"
        )


@pytest.mark.parametrize("verb", VERBS[1:])
def test_revoked_token_is_not_retried(
    harness: VpsHarness, cloud: DigitalOceanServer, verb: str
) -> None:
    uuid = harness.ready(cloud)
    cloud.token = "another"
    answer = harness.job(uuid, verb)
    assert (answer.ok, answer.retry, "rejected the API token" in answer.message) == (
        False,
        False,
        True,
    )
    assert len(cloud.droplets) == 1


@pytest.mark.parametrize("verb", ["suspend_job", "unsuspend_job", "change_package_job"])
def test_missing_server_sets_status_not_found(
    harness: VpsHarness, cloud: DigitalOceanServer, verb: str
) -> None:
    uuid = harness.ready(cloud)
    cloud.droplets.clear()
    answer = harness.job(uuid, verb)
    assert (answer.ok, answer.retry, harness.service(uuid).provision_status) == (
        False,
        False,
        "not_found",
    )
    assert harness.observe(uuid)["exists"] is False
    assert harness.job(uuid, "termination_job").ok


@pytest.mark.parametrize("verb", ["suspend_job", "unsuspend_job", "change_package_job"])
def test_jobs_without_a_server_fail(
    harness: VpsHarness, cloud: DigitalOceanServer, verb: str
) -> None:
    answer = harness.job(harness.add_default_service(cloud), verb)
    assert (answer.ok, answer.retry, "no server" in answer.message) == (False, False, True)
    assert cloud.requests == []


def test_unresponsive_server_is_powered_off(harness: VpsHarness, cloud: DigitalOceanServer) -> None:
    uuid = harness.ready(cloud)
    cloud.temper.deaf = True
    assert harness.finish(uuid, "suspend_job").ok
    assert [action.type for action in cloud.actions.values()] == ["shutdown", "power_off"]
    assert only_droplet(cloud).status == "off"


def test_slow_shutdown_is_followed_by_power_off(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.ready(cloud)
    cloud.temper.steps = 1000
    assert [harness.job(uuid, "suspend_job").pending for _ in range(3)] == [True] * 3
    assert [action.type for action in cloud.actions.values()] == ["shutdown"]
    with transaction():
        harness.row(uuid).action_at = now() - timedelta(minutes=2)
    cloud.temper.steps = 1
    assert harness.finish(uuid, "suspend_job").ok
    assert [action.type for action in cloud.actions.values()] == ["shutdown", "power_off"]


def test_shutdown_of_an_earlier_job_does_not_cut_the_power(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.ready(cloud)
    assert harness.job(uuid, "suspend_job").pending
    cloud._look(only_droplet(cloud))
    only_droplet(cloud).status = "active"  # the customer or support started it again
    assert harness.job(uuid, "suspend_job").pending
    assert [action.type for action in cloud.actions.values()] == ["shutdown"], (
        "it may still be shutting down"
    )
    with transaction():
        harness.row(uuid).action_at = now() - timedelta(minutes=20)
    assert harness.finish(uuid, "suspend_job").ok
    assert [action.type for action in cloud.actions.values()] == ["shutdown", "shutdown"]


def test_unfinished_customer_action_delays_jobs(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.ready(cloud)
    cloud.temper.steps = 4
    cloud._act(
        type("R", (), {"json": {"type": "snapshot", "name": "x"}})(), str(only_droplet(cloud).id)
    )  # type: ignore[arg-type]
    cloud.temper.steps = 1
    assert harness.job(uuid, "suspend_job").pending
    assert harness.finish(uuid, "suspend_job").ok
    assert (len(cloud.snapshots), only_droplet(cloud).status) == (1, "off")


def test_smaller_disk_is_rejected(harness: VpsHarness, cloud: DigitalOceanServer) -> None:
    uuid = harness.ready(cloud, cpu_cores=4, ram_mb=8192, disk_gb=100)
    before = len(cloud.requests)
    harness.configure(uuid, disk_gb=25)
    answer = harness.job(uuid, "change_package_job")
    assert (answer.ok, answer.retry, "at least 160 GB of disk" in answer.message) == (
        False,
        False,
        True,
    )
    assert [request.method for request in cloud.requests[before:]] == ["GET"]
    assert (only_droplet(cloud).status, only_droplet(cloud).size) == ("active", "s-4vcpu-8gb")


def test_rejected_resize_leaves_the_server_on(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.ready(cloud)
    harness.configure(uuid, cpu_cores=4, ram_mb=8192, disk_gb=100)
    cloud.temper.failing.add("resize")
    answer = harness.finish(uuid, "change_package_job")
    assert (answer.ok, answer.retry, "keeps its size" in answer.message) == (False, False, True)
    cloud._look(only_droplet(cloud))
    assert (only_droplet(cloud).status, only_droplet(cloud).size) == ("active", "s-2vcpu-2gb")


def test_suspended_server_is_resized_and_stays_off(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.ready(cloud)
    assert harness.finish(uuid, "suspend_job").ok
    with transaction():
        harness.service(uuid).status = ServiceStatus.SUSPENDED
    harness.configure(uuid, cpu_cores=4, ram_mb=8192, disk_gb=100)
    assert harness.finish(uuid, "change_package_job").ok
    assert (only_droplet(cloud).status, only_droplet(cloud).size, harness.row(uuid).status) == (
        "off",
        "s-4vcpu-8gb",
        "suspended",
    )


def test_termination_deletes_own_snapshots_only(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid, other = harness.ready(cloud), harness.ready(cloud)
    mine, theirs = (int(harness.row(service).server_id) for service in (uuid, other))
    for number in range(30):
        cloud.snapshots[number] = _snapshot(number, mine if number % 3 else theirs)
    cloud.fail("500", method="DELETE", path="snapshots", skip=3)
    first = harness.job(uuid, "termination_job")
    assert (first.ok, first.retry, len(cloud.droplets)) == (False, True, 2)
    assert harness.job(uuid, "termination_job").ok
    assert (
        set(cloud.droplets),
        {snapshot.droplet for snapshot in cloud.snapshots.values()},
        len(cloud.snapshots),
    ) == ({theirs}, {theirs}, 10)


def test_snapshots_of_a_missing_server_are_deleted(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.ready(cloud)
    number = int(harness.row(uuid).server_id)
    cloud.snapshots = {1: _snapshot(1, number), 2: _snapshot(2, 7)}
    cloud.droplets.clear()
    assert harness.job(uuid, "termination_job").ok
    assert list(cloud.snapshots) == [2]


def _snapshot(number: int, droplet: int) -> Any:
    from tests.fakes.digitalocean import Snapshot

    return Snapshot(number, f"snapshot {number}", droplet)


def test_terminated_servers_do_not_count_and_full_accounts_are_skipped(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    harness.account(cloud, "off", active=False)
    first = harness.account(cloud, "one", max_servers=1)
    second = harness.account(cloud, "two", max_servers=1)
    uuids = [harness.add_default_service(cloud) for _ in range(3)]
    answers = [harness.job(uuid, "create_job") for uuid in uuids]
    assert [answer.ok for answer in answers] == [True, True, False]
    assert "No active account has capacity" in answers[2].message
    assert [harness.row(uuid).account_id for uuid in uuids[:2]] == [first, second]
    assert harness.finish(uuids[0], "termination_job").ok
    assert harness.finish(uuids[2], "create_job").ok
    assert harness.row(uuids[2]).account_id == first
    named = harness.add_default_service(cloud, account=second)
    answer = harness.job(named, "create_job")
    assert (answer.ok, "two is inactive or full" in answer.message) == (False, True)


def test_missing_account_explains_what_to_do(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    answer = harness.job(harness.add_service(CONFIG, SERVICE), "create_job")
    assert (answer.ok, answer.retry, "No accounts yet." in answer.message) == (False, False, True)


def test_concurrent_reservations_respect_the_limits(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    for name in ("one", "two"):
        harness.account(cloud, name, max_servers=2)
    uuids = [harness.add_default_service(cloud) for _ in range(8)]
    placement, barrier, account_ids = harness.part("services.placement"), threading.Barrier(8), []
    values = {
        "hostname": "x",
        "region": "nyc3",
        "size": "s-1vcpu-1gb",
        "image": "debian-12-x64",
        "root_password": "",
        "server_specs": {},
    }

    def reserve(uuid: str) -> None:
        with (
            harness.panel.app_context(),
            entered(Context("Product", "VPSHosting", harness.module.package)),
        ):
            barrier.wait()
            try:
                account_ids.append(placement.reserve(uuid, 0, values).account_id)
            except placement.PlacementError:
                account_ids.append(0)

    threads = [
        threading.Thread(target=contextvars.Context().run, args=(reserve, uuid)) for uuid in uuids
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(Counter(account_ids).values()) == [2, 2, 4]


def test_withdrawn_images(harness: VpsHarness, cloud: DigitalOceanServer) -> None:
    catalog = harness.part("services.catalog")
    uuid = harness.add_default_service(cloud, {**SERVICE, "image_id": "debian-11"})
    with (
        harness.panel.app_context(),
        entered(Context("Product", "VPSHosting", harness.module.package)),
    ):
        assert catalog.refresh(_images(cloud)) == (1, 3)
        assert catalog.refresh(_images(cloud)) == (0, 0)
        assert [catalog.choices()[name] for name in ("debian-11", "fedora-43")] == [
            "Debian 11 (withdrawn)",
            "Fedora 43",
        ]
        assert catalog.find("ubuntu-20.04").slug == "ubuntu-20-04-x64"
    answer = harness.job(uuid, "create_job")
    assert (answer.ok, answer.retry, "no longer offers Debian 11" in answer.message) == (
        False,
        False,
        True,
    )
    other = harness.add_default_service(
        cloud, {"hostname": "", "ssh_keys": [], "root_password": ""}, image_id="fedora-43"
    )
    assert harness.finish(other, "create_job").ok
    assert (only_droplet(cloud).image, only_droplet(cloud).name) == (
        "fedora-43-x64",
        f"vps-{other[:8]}",
    )


def _images(cloud: DigitalOceanServer) -> list[dict[str, Any]]:
    return [
        {"slug": slug, "distribution": family, "name": name, "status": "available"}
        for slug, (family, name) in cloud.images.items()
    ]


def test_log_and_tasks_contain_no_secret(
    harness: VpsHarness, cloud: DigitalOceanServer, drain: Callable[..., None]
) -> None:
    password = "a very Secret passphrase 9!"
    uuid = harness.add_default_service(cloud, {**SERVICE, "root_password": password})
    harness.module.cls.job_options = {verb: {"tries": 3, "backoff": 0} for verb in VERBS}
    cloud.fail("500_after", method="POST", path=BASE)
    assert requests.request(actor=STAFF, service_uuid=uuid, verb="create").ok
    drain(8)
    assert (harness.service(uuid).status, harness.row(uuid).root_password) == ("active", password)
    hashed = only_droplet(cloud).user_data.split("root:")[1].strip()
    rows = session().scalars(sa.select(ModuleLog)).all()
    text = "\n".join(f"{row.action}\n{row.request}\n{row.response}" for row in rows)
    tasks = "\n".join(f"{task.data}{task.note}" for task in session().scalars(sa.select(Task)))
    tasks += "\n".join(
        f"{attempt.message}{attempt.output}"
        for attempt in session().scalars(sa.select(TaskAttempt))
    )
    assert "/v2/droplets" in text
    for secret in (password, cloud.token, hashed):
        assert secret not in text
        assert secret not in tasks
    stored = (
        session()
        .connection()
        .exec_driver_sql(
            f"SELECT root_password, api_token FROM {harness.servers.__table__.name},"
            f" {harness.accounts.__table__.name}"
        )
        .all()
    )
    assert all(
        password not in str(value) and cloud.token not in str(value)
        for row in stored
        for value in row
    )


def test_worker_retries_until_the_server_is_ready(
    harness: VpsHarness, cloud: DigitalOceanServer, drain: Callable[..., None]
) -> None:
    uuid = harness.add_default_service(cloud)
    harness.module.cls.job_options = {verb: {"tries": 3, "backoff": 0} for verb in VERBS}
    cloud.temper.polls = 3
    cloud.fail("drop_after", method="POST", path=BASE)
    cloud.fail("500", method="GET", path=BASE, skip=1)
    assert requests.request(actor=STAFF, service_uuid=uuid, verb="create").ok
    drain(1)
    service = harness.service(uuid)
    assert (service.status, service.provision_status) == ("pending", "processing")
    drain(8)
    service = harness.service(uuid)
    assert (service.status, service.provision_status, str(service.failure)) == (
        "active",
        "completed",
        "",
    )
    task = session().scalar(sa.select(Task).where(Task.about("service", uuid)))
    assert task is not None
    assert (task.on_loss, task.status, len(cloud.created)) == ("repeat", "completed", 1)
    for verb, status, power in (
        ("suspend", "suspended", "off"),
        ("unsuspend", "active", "active"),
        ("terminate", "terminated", ""),
    ):
        # The worker has loaded the module anew.
        registry.current().modules["Product/VPSHosting"].cls.job_options = {
            job: {"backoff": 0} for job in VERBS
        }  # type: ignore[attr-defined]
        assert requests.request(actor=STAFF, service_uuid=uuid, verb=verb).ok
        drain(8)
        assert (
            harness.service(uuid).status,
            next((droplet.status for droplet in cloud.droplets.values()), ""),
        ) == (status, power)


def test_service_fields_are_fixed_once_the_server_exists(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.add_default_service(cloud)
    assert "Public keys" in harness.call(uuid, "get_service_page").value
    assert harness.finish(uuid, "create_job").ok
    page = harness.call(uuid, "get_service_page").value
    assert (
        f"/droplets/{only_droplet(cloud).id}/console" in page,
        harness.row(uuid).root_password in page,
    ) == (True, False)
    services.save_service_data(actor=STAFF, uuid=uuid, data={**SERVICE, "ssh_keys": KEY})
    for changes in (
        {"hostname": "other"},
        {"image_id": "debian-12"},
        {"root_password": "another-long-one"},
        {"ssh_keys": "12"},
    ):
        with pytest.raises(InvalidInput):
            services.save_service_data(actor=STAFF, uuid=uuid, data={**SERVICE, **changes})
    stored = harness.service(uuid)
    assert {**stored.service_data, **stored.provision_data}["root_password"] == harness.row(
        uuid
    ).root_password


def test_task_waits_as_long_as_the_provider_asks(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.ready(cloud)
    cloud.fail("429", method="POST", after=3600)
    task = Task(id=1, attempt=1, tries=1, backoff=5, waited=0, data={})
    outcome = outcome_of(harness.call(uuid, "suspend_job", task=task), task)
    assert outcome.kind == "wait", outcome.message
    assert outcome.until is not None and outcome.until > now() + timedelta(seconds=3590)


def test_a_server_that_is_gone_is_created_again(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.ready(cloud)
    assert harness.compare(uuid, "active", "completed") is None
    first = only_droplet(cloud)
    cloud.droplets.clear()
    assert harness.compare(uuid, "active", "completed").kind == "gone"
    assert harness.finish(uuid, "create_job").ok
    assert only_droplet(cloud).id != first.id
    assert harness.row(uuid).server_id == str(only_droplet(cloud).id)
    assert harness.compare(uuid, "active", "completed") is None


def test_a_server_that_is_off_is_suspended_unless_its_customer_may_have_shut_it_down(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.ready(cloud)
    only_droplet(cloud).status = "off"
    assert harness.observe(uuid)["suspended"] is None, "shut down from inside, perhaps"
    assert harness.compare(uuid, "active", "completed") is None
    with transaction():
        harness.row(uuid).status = "stopped"
    assert harness.compare(uuid, "active", "completed") is None
    assert harness.finish(uuid, "suspend_job").ok
    assert harness.compare(uuid, "suspended", "suspended") is None
