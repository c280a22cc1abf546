"""The fake server follows the documentation of the real API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.fakes.digitalocean import DigitalOceanServer, Snapshot
from tests.fakes.digitalocean_schema import response_problems

WISH = {
    "name": "web1.example.com",
    "region": "nyc3",
    "size": "s-1vcpu-1gb",
    "image": "ubuntu-24-04-x64",
    "tags": ["a:1"],
    "user_data": "#cloud-config\n",
}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH1x2ZvQ9pT0n3VtX5m0cQ4n1kQyC6m0l6Jq7h5s8bWf me"


@pytest.fixture
def cloud() -> Iterator[DigitalOceanServer]:
    """A running server."""
    with DigitalOceanServer() as one:
        yield one


def ask(
    cloud: DigitalOceanServer, method: str, path: str, body: Any = None, **query: Any
) -> tuple[int, Any]:
    """Send a request with the token; return status and JSON."""
    headers = {"Authorization": f"Bearer {cloud.token}"}
    answer = requests.request(
        method, f"{cloud.url}/v2/{path}", json=body, params=query, headers=headers, timeout=5
    )
    return answer.status_code, answer.json() if answer.content else None


def test_the_lifecycle_of_a_server(cloud: DigitalOceanServer) -> None:
    status, told = ask(cloud, "POST", "droplets", WISH)
    at = f"droplets/{told['droplet']['id']}"
    assert (
        status,
        told["droplet"]["status"],
        told["droplet"]["networks"]["v4"],
        told["links"]["actions"][0]["rel"],
    ) == (202, "new", [], "create")
    looks = [ask(cloud, "GET", at)[1]["droplet"] for _ in range(2)]
    assert [one["status"] for one in looks] == ["new", "active"]
    assert [one["type"] for one in looks[1]["networks"]["v4"]] == ["private", "public"]
    assert (
        ask(cloud, "POST", f"{at}/actions", {"type": "resize", "size": "s-2vcpu-2gb"})[1]["message"]
        == "Droplet must be powered off to be resized."
    )
    weekly = {"plan": "weekly", "weekday": "SUN", "hour": 4}
    steps: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("shutdown", {}, "off"),
        ("resize", {"size": "s-2vcpu-2gb", "disk": True}, "off"),
        ("power_on", {}, "active"),
        ("snapshot", {"name": "one"}, "active"),
        ("enable_backups", {}, "active"),
        ("change_backup_policy", {"backup_policy": weekly}, "active"),
    )
    for kind, more, state in steps:
        status, told = ask(cloud, "POST", f"{at}/actions", {"type": kind, **more})
        assert (status, told["action"]["status"], told["action"]["completed_at"]) == (
            201,
            "in-progress",
            None,
        )
        assert ask(cloud, "POST", f"{at}/actions", {"type": "reboot"})[1] == {
            "id": "unprocessable_entity",
            "message": "Droplet already has a pending event.",
        }
        assert (
            ask(cloud, "GET", f"actions/{told['action']['id']}")[1]["action"]["status"]
            == "completed"
        )
        assert ask(cloud, "GET", at)[1]["droplet"]["status"] == state
    seen = ask(cloud, "GET", at)[1]["droplet"]
    assert (seen["size_slug"], seen["disk"], "backups" in seen["features"]) == (
        "s-2vcpu-2gb",
        60,
        True,
    )
    policy = ask(cloud, "GET", f"{at}/backups/policy")[1]["policy"]["backup_policy"]
    assert (policy["plan"], policy["retention_period_days"]) == ("weekly", 28)
    assert [one["name"] for one in ask(cloud, "GET", f"{at}/snapshots")[1]["snapshots"]] == ["one"]
    assert (
        ask(cloud, "POST", f"{at}/actions", {"type": "restore", "image": seen["snapshot_ids"][0]})[
            0
        ]
        == 422
    ), "backups only"
    assert (
        ask(cloud, "POST", f"{at}/actions", {"type": "rebuild", "image": seen["snapshot_ids"][0]})[
            0
        ]
        == 201
    )
    assert ask(cloud, "DELETE", at) == (204, None)
    assert ask(cloud, "DELETE", at) == (
        404,
        {"id": "not_found", "message": "The resource you requested could not be found."},
    )
    assert [one["resource_type"] for one in ask(cloud, "GET", "snapshots")[1]["snapshots"]] == [
        "droplet"
    ], "they outlive the server"
    assert [ask(cloud, "DELETE", f"snapshots/{seen['snapshot_ids'][0]}")[0] for _ in "ab"] == [
        204,
        404,
    ]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "no name!"}, "hostname"),
        ({"region": "mars1"}, "region"),
        ({"size": "custom"}, "size"),
        ({"image": "beos"}, "image"),
        ({"ssh_keys": [7]}, "key identifiers"),
        ({"tags": ["a b"]}, "Tag"),
    ],
)
def test_invalid_requests_are_refused(
    cloud: DigitalOceanServer, changed: dict[str, Any], words: str
) -> None:
    status, told = ask(cloud, "POST", "droplets", {**WISH, **changed})
    assert (status, told["id"], words in told["message"], cloud.droplets) == (
        422,
        "unprocessable_entity",
        True,
        {},
    )


def test_token_rate_limit_and_headers(cloud: DigitalOceanServer) -> None:
    answer = requests.get(
        f"{cloud.url}/v2/account", headers={"Authorization": "Bearer wrong"}, timeout=5
    )
    assert (answer.status_code, answer.json()["id"]) == (401, "Unauthorized")
    cloud.temper.per_hour = 1
    first, second = (
        requests.get(
            f"{cloud.url}/v2/account", headers={"Authorization": f"Bearer {cloud.token}"}, timeout=5
        )
        for _ in "ab"
    )
    assert (first.status_code, first.headers["ratelimit-limit"]) == (200, "5000")
    assert (second.status_code, second.json()["id"], second.headers["retry-after"]) == (
        429,
        "too_many_requests",
        "1800",
    )
    left = [one.headers["ratelimit-remaining"] for one in (answer, first, second)]
    assert left == ["4999", "0", "0"]


def test_lists_are_paginated(cloud: DigitalOceanServer) -> None:
    cloud.snapshots = {number: Snapshot(number, str(number), 1) for number in range(45)}
    first = ask(cloud, "GET", "snapshots")[1]
    assert (
        len(first["snapshots"]),
        first["meta"]["total"],
        first["links"]["pages"]["next"].endswith("page=2&per_page=20"),
    ) == (20, 45, True)
    last = ask(cloud, "GET", "snapshots", page=3)[1]
    assert (len(last["snapshots"]), last["links"]["pages"]) == (5, {})
    assert len(ask(cloud, "GET", "snapshots", per_page=200)[1]["snapshots"]) == 45


def test_keys_images_sizes_and_regions(cloud: DigitalOceanServer) -> None:
    status, told = ask(cloud, "POST", "account/keys", {"name": "me", "public_key": KEY})
    mark = told["ssh_key"]["fingerprint"]
    assert (status, len(mark)) == (201, 47)
    assert (
        ask(cloud, "POST", "account/keys", {"name": "me", "public_key": KEY})[1]["message"]
        == "SSH Key is already in use on your account"
    )
    assert [
        ask(cloud, "GET", f"account/keys/{one}")[0] for one in (mark, told["ssh_key"]["id"], "0:0")
    ] == [200, 200, 404]
    assert (
        ask(cloud, "GET", "images", type="distribution")[1]["images"][0]["slug"]
        == "ubuntu-20-04-x64"
    )
    assert {"s-1vcpu-1gb", "c-32"} <= {
        one["slug"] for one in ask(cloud, "GET", "sizes", per_page=200)[1]["sizes"]
    }
    assert {"nyc3", "sfo3", "ams3"} <= {
        one["slug"] for one in ask(cloud, "GET", "regions")[1]["regions"]
    }


def test_metrics(cloud: DigitalOceanServer) -> None:
    number = ask(cloud, "POST", "droplets", WISH)[1]["droplet"]["id"]
    window = {"host_id": number, "start": 1_760_000_000, "end": 1_760_003_600}
    data = ask(cloud, "GET", "monitoring/metrics/droplet/cpu", **window)[1]["data"]
    assert (
        data["resultType"],
        {one["metric"]["mode"] for one in data["result"]} >= {"idle", "user"},
    ) == ("matrix", True)
    traffic = ask(
        cloud,
        "GET",
        "monitoring/metrics/droplet/bandwidth",
        **window,
        interface="public",
        direction="inbound",
    )[1]["data"]["result"]
    assert (traffic[0]["metric"]["direction"], isinstance(traffic[0]["values"][0][1], str)) == (
        "inbound",
        True,
    )
    cloud.temper.figures = False
    assert ask(cloud, "GET", "monitoring/metrics/droplet/cpu", **window)[1]["data"]["result"] == []


def test_backups_are_listed_with_the_snapshots_of_a_server_only(
    cloud: DigitalOceanServer,
) -> None:
    number = ask(cloud, "POST", "droplets", WISH)[1]["droplet"]["id"]
    cloud.snapshots = {
        1: Snapshot(1, "mine", number),
        2: Snapshot(2, "nightly", number, type="backup"),
    }
    listed = ask(cloud, "GET", f"droplets/{number}/snapshots")[1]["snapshots"]
    assert [one["type"] for one in listed] == ["snapshot", "backup"]
    assert [one["id"] for one in ask(cloud, "GET", "snapshots")[1]["snapshots"]] == ["1"]
    assert ask(cloud, "DELETE", "snapshots/2")[0] == 400
    ask(cloud, "DELETE", f"droplets/{number}")
    assert list(cloud.snapshots) == [1], "backups are deleted with the server"


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("POST", "droplets", {**WISH, "tag": "a"}),
        ("POST", "droplets", {**WISH, "backups": True, "backup_policy": {"plan": "hourly"}}),
        ("GET", "droplets?tag=a", None),
        ("GET", "droplets?per_page=500", None),
        ("GET", "monitoring/metrics/droplet/cpu?host_id=1&start=1&end=2&step=3", None),
    ],
)
def test_requests_that_are_not_described_fail_the_test(
    method: str, path: str, sent: dict[str, Any] | None
) -> None:
    server = DigitalOceanServer().start()
    ask(server, method, path, sent)
    with pytest.raises(AssertionError):
        server.stop()


@pytest.mark.parametrize("field", ["locked", "volume_ids", "next_backup_window", "size"])
def test_responses_are_held_against_the_description(cloud: DigitalOceanServer, field: str) -> None:
    droplet = ask(cloud, "POST", "droplets", WISH)[1]["droplet"]
    assert not response_problems("GET", "/v2/droplets/7", 200, {"droplet": droplet})
    del droplet[field]
    assert response_problems("GET", "/v2/droplets/7", 200, {"droplet": droplet})
