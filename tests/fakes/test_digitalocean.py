"""The fake server follows the documentation of the real API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.fakes.digitalocean import DigitalOceanServer, Snapshot

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
    for kind, state in (
        ("shutdown", "off"),
        ("resize", "off"),
        ("power_on", "active"),
        ("snapshot", "active"),
        ("enable_backups", "active"),
    ):
        status, told = ask(
            cloud,
            "POST",
            f"{at}/actions",
            {"type": kind, "size": "s-2vcpu-2gb", "disk": True, "name": "one"},
        )
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
