"""VPSHosting against what DigitalOcean's API description says; the fake validates each request."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from typing import Any

import pytest

from puqpanel.app import Panel
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.infra.clock import now
from puqpanel.infra.db import transaction
from tests.fakes.digitalocean import ApiFault, DigitalOceanServer, Snapshot
from tests.fakes.garble import garble
from tests.modules.harness import VERBS
from tests.modules.test_vpshosting import (
    VpsHarness,
    cloud,
    harness,
    only_droplet,
    served,
)
from tests.modules.test_vpshosting_pages import JSON, customer, open_tab

__all__ = ["cloud", "harness", "served"]
POWERED = ("suspend_job", "change_package_job", "termination_job")


@pytest.mark.parametrize("verb", POWERED)
def test_a_locked_server_is_waited_for_whatever_the_error_says(
    harness: VpsHarness, cloud: DigitalOceanServer, verb: str
) -> None:
    uuid = harness.ready(cloud)
    harness.configure(uuid, cpu_cores=4, ram_mb=8192, disk_gb=100)
    cloud.temper.busy = "The resource is in use."
    only_droplet(cloud).locked = True
    waiting = [harness.job(uuid, verb) for _ in "ab"]
    assert [(answer.ok, answer.pending) for answer in waiting] == [(True, True)] * 2
    assert not cloud.seen("POST", "actions"), "nothing is sent that would be refused"
    only_droplet(cloud).locked = False
    assert harness.finish(uuid, verb).ok


def test_a_server_that_is_locked_meanwhile_is_waited_for(
    harness: VpsHarness, cloud: DigitalOceanServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = harness.ready(cloud)

    def lock(request: object, number: str) -> Any:
        only_droplet(cloud).locked = True
        raise ApiFault(422, "no")

    with monkeypatch.context() as patched:
        patched.setattr(cloud, "_act", lock)
        assert harness.job(uuid, "suspend_job").pending
    only_droplet(cloud).locked = False
    with monkeypatch.context() as patched:
        patched.setattr(cloud, "_act", lambda *_: (_ for _ in ()).throw(ApiFault(422, "no")))
        answer = harness.job(uuid, "suspend_job")
    assert (answer.ok, answer.retry) == (False, False), "a refusal of a server that is not busy"


def test_customers_are_told_that_the_server_is_busy(
    harness: VpsHarness, cloud: DigitalOceanServer, served: Panel
) -> None:
    _uuid, at = open_tab(harness, cloud)
    cloud.temper.busy = "The resource is in use."
    astrid, droplet = customer(served), only_droplet(cloud)
    cloud.snapshots[1] = Snapshot(1, "mine", droplet.id)
    droplet.locked = True
    for path, form in (
        ("general/api/power", {"action": "reboot"}),
        ("snapshots/api/create", {"name": "x"}),
        ("snapshots/api/restore", {"snapshot": "1"}),
    ):
        answer = astrid.post(f"{at}/{path}", form, headers=JSON)
        message = "Another action is in progress. Try again when it completes."
        assert (answer.status_code, answer.json["message"]) == (409, message), path


def test_failed_queries_of_metrics_are_errors_and_not_cached(
    harness: VpsHarness, cloud: DigitalOceanServer, served: Panel
) -> None:
    _uuid, at = open_tab(harness, cloud)
    astrid = customer(served)
    cloud.temper.metrics_fail = True
    assert "Monitoring data is temporarily unavailable." in astrid.get(f"{at}/monitoring").text
    assert astrid.get(f"{at}/monitoring/api/get").status_code == 503
    cloud.temper.metrics_fail = False
    assert "<path" in astrid.get(f"{at}/monitoring").text


def test_an_archived_server_does_not_run(
    harness: VpsHarness, cloud: DigitalOceanServer, served: Panel
) -> None:
    uuid, at = open_tab(harness, cloud)
    only_droplet(cloud).status = "archive"
    observed = harness.observe(uuid)
    assert (observed["exists"], observed["suspended"]) == (True, True)
    harness.configure(uuid, cpu_cores=4, ram_mb=8192, disk_gb=100)
    for verb in ("create_job", "unsuspend_job", "change_package_job"):
        answer = harness.job(uuid, verb)
        assert (answer.ok, answer.retry, "archived" in answer.message) == (False, False, True), verb
    page = customer(served).get(f"{at}/general?state=1").text
    shown = [text in page for text in ("Archived", "Running", "Restart server", "Start server")]
    assert shown == [True, False, False, False]
    assert harness.job(uuid, "suspend_job").ok, "it is off"
    assert not cloud.seen("POST", "actions")
    assert harness.job(uuid, "termination_job").ok


def test_backups_are_no_snapshots(
    harness: VpsHarness, cloud: DigitalOceanServer, served: Panel
) -> None:
    uuid, at = open_tab(harness, cloud, snapshot_limit=2)
    number, astrid = only_droplet(cloud).id, customer(served)
    cloud.snapshots = {
        place: Snapshot(place, f"{kind} {place}", number, type=kind)
        for place, kind in enumerate(("snapshot", "backup", "backup", "backup"), 1)
    }
    rows = astrid.get(f"{at}/snapshots/api/get").json["data"]["snapshots"]
    page = astrid.get(f"{at}/snapshots").text
    assert ([row["id"] for row in rows], "backup 2" in page) == (["1"], False)
    assert "Take snapshot" in page, "backups do not count"
    for verb in ("restore", "remove"):
        answer = astrid.post(f"{at}/snapshots/api/{verb}", {"snapshot": "2"}, headers=JSON)
        assert answer.status_code == 404
    assert harness.job(uuid, "termination_job").ok
    assert [seen.path for seen in cloud.seen("DELETE")] == [
        "/v2/snapshots/1",
        f"/v2/droplets/{number}",
    ]


def test_the_plan_of_backups_is_sent_and_changed(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    uuid = harness.ready(cloud, backup_plan="weekly")
    assert cloud.seen("POST", "/v2/droplets$")[0].json["backup_policy"] == {
        "plan": "weekly",
        "weekday": "SUN",
        "hour": 0,
    }
    plans = []
    for enabled, plan in ((True, "weekly"), (True, "daily"), (False, "daily"), (True, "weekly")):
        harness.configure(uuid, backup_enabled=enabled, backup_plan=plan)
        assert harness.finish(uuid, "change_package_job").ok
        plans.append((only_droplet(cloud).policy or {}).get("plan"))
    assert plans == ["weekly", "daily", None, "weekly"]
    assert [action.type for action in cloud.actions.values()] == [
        "change_backup_policy",
        "disable_backups",
        "enable_backups",
    ]


def test_no_policy_is_sent_without_backups(harness: VpsHarness, cloud: DigitalOceanServer) -> None:
    harness.ready(cloud, backup_enabled=False)
    sent = cloud.seen("POST", "/v2/droplets$")[0].json
    assert (sent["backups"], "backup_policy" in sent) == (False, False)


def test_the_default_image_is_the_current_ubuntu(
    harness: VpsHarness, cloud: DigitalOceanServer
) -> None:
    harness.ready(cloud, {"hostname": "", "ssh_keys": [], "root_password": ""})
    assert only_droplet(cloud).image == "ubuntu-24-04-x64"
    fields = harness.part("forms.products").ProductForm()
    assert (fields.image_id.data, fields.backup_plan.data) == ("ubuntu-24.04", "daily")


def scopes(text: str) -> set[str]:
    """Return the scopes in the help of the token, such as `image: read, create`."""
    listed = text[text.index("these scopes:") + len("these scopes:") :].rstrip(".")
    found = set()
    for group in listed.split(";"):
        resources, _, rights = group.partition(":")
        found |= {
            f"{resource}:{right}"
            for resource in re.findall(r"\w+", resources)
            for right in re.findall(r"\w+", rights)
        }
    return found


def test_the_scopes_named_for_the_token_suffice(
    harness: VpsHarness, cloud: DigitalOceanServer, served: Panel
) -> None:
    named = scopes(harness.part("forms.accounts").SCOPES_HELP)
    assert {"image:create", "image:delete", "droplet:admin"} <= named
    cloud.temper.scopes = named
    uuid, at = open_tab(harness, cloud)
    astrid = customer(served)

    def post(path: str, **form: str) -> int:
        status = int(astrid.post(f"{at}/{path}", form, headers=JSON).status_code)
        cloud._look(only_droplet(cloud))
        return status

    assert post("snapshots/api/create", name="mine") == 200
    snapshot = str(next(iter(cloud.snapshots)))
    assert post("snapshots/api/restore", snapshot=snapshot) == 200
    assert post("snapshots/api/remove", snapshot=snapshot) == 200
    assert post("snapshots/api/create", name="another") == 200
    assert "<path" in astrid.get(f"{at}/monitoring").text
    with transaction():
        harness.service(uuid).status = ServiceStatus.ACTIVE
    harness.configure(uuid, cpu_cores=4, ram_mb=8192, disk_gb=100)
    for verb in VERBS[1:]:
        assert harness.finish(uuid, verb).ok, verb
    assert (cloud.droplets, cloud.snapshots) == ({}, {})
    connection = harness.part("services.connection")
    account = harness.part("services.placement").db.session.get(harness.accounts, 1)
    assert connection.test_connection(account)[0]
    assert harness.part("services.api").DigitalOcean(account).images().ok


def test_responses_of_any_shape_are_results(
    harness: VpsHarness,
    cloud: DigitalOceanServer,
    served: Panel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uuid, at = open_tab(harness, cloud)
    harness.configure(uuid, cpu_cores=4, ram_mb=8192, disk_gb=100, backup_plan="weekly")
    cloud.snapshots[1] = Snapshot(1, "mine", only_droplet(cloud).id)
    astrid, chance = customer(served), random.Random(19)
    route, before = cloud._route, dict(cloud.droplets)

    def garbled(request: Any) -> Any:
        status, body = route(request)
        cloud.droplets.update(before)
        return status, garble(body, chance)

    monkeypatch.setattr(cloud, "_route", garbled)
    account = harness.row(uuid).account
    for turn in range(20):
        verb = ("suspend_job", "unsuspend_job", "change_package_job", "termination_job")[turn % 4]
        assert harness.job(uuid, verb) is not None
        harness.observe(uuid)
        with transaction():
            row = harness.row(uuid)
            values = {"status": "active", "ip_address": "203.0.113.9", "sent_at": now()}
            for name, value in values.items():
                setattr(row, name, value)
            row.action_at = now() - timedelta(hours=1)
            row.server_id = None if turn % 5 == 0 else str(next(iter(before)))
        if row.server_id is None:
            assert harness.job(uuid, "create_job") is not None
            continue
        tab = ("general?state=1", "snapshots", "monitoring?period=hour")[turn % 3]
        assert astrid.get(f"{at}/{tab}").status_code == 200, tab
    connection = harness.part("services.connection")
    assert all(connection.test_connection(account)[1] for _ in range(20))
    cloud.violations.clear()
