"""API responses, SSH keys, password hashes, image slugs and monitoring data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modules.Product.VPSHosting.services import keys, monitoring
from modules.Product.VPSHosting.services.api import public_address
from modules.Product.VPSHosting.services.responses import ApiResponse, Outcome, explain, parse
from modules.Product.VPSHosting.services.slugs import make_slug, parse_slug
from modules.Product.VPSHosting.services.userdata import cloud_config, hash_password, sha512_crypt
from puqpanel.sdk.http import Answer

ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH1x2ZvQ9pT0n3VtX5m0cQ4n1kQyC6m0l6Jq7h5s8bWf"


def answer(code: int, body: object = None) -> Answer:
    """Return a response with JSON, or with other text."""
    return Answer(
        200 <= code < 300, code, body, body if isinstance(body, str) else json.dumps(body)
    )


@pytest.mark.parametrize(
    ("code", "body", "outcome"),
    [
        (200, {"droplet": {"id": 1}}, Outcome.OK),
        (202, {"droplet": {"id": 1}}, Outcome.OK),
        (200, {"droplet": None}, Outcome.UNKNOWN),
        (200, {}, Outcome.UNKNOWN),
        (200, None, Outcome.UNKNOWN),
        (200, [1], Outcome.UNKNOWN),
        (
            404,
            {"id": "not_found", "message": "The resource you requested could not be found."},
            Outcome.NOT_FOUND,
        ),
        (404, None, Outcome.REJECTED),
        (401, {"id": "Unauthorized", "message": "Unable to authenticate you"}, Outcome.DENIED),
        (403, {"id": "forbidden"}, Outcome.DENIED),
        (422, {"id": "unprocessable_entity", "message": "no"}, Outcome.REJECTED),
        (301, None, Outcome.REJECTED),
        (429, {"id": "too_many_requests"}, Outcome.RATE_LIMITED),
        (500, None, Outcome.UNKNOWN),
        (503, {"id": "service_unavailable", "message": 7}, Outcome.UNKNOWN),
        (408, None, Outcome.UNKNOWN),
        (0, None, Outcome.UNKNOWN),
    ],
)
def test_outcomes(code: int, body: object, outcome: Outcome) -> None:
    response = parse(answer(code, body), "droplet")
    assert response.outcome is outcome
    assert response.ok or explain(response, "main").endswith(".")


def test_delete_returns_204() -> None:
    assert parse(answer(204)).ok
    assert parse(answer(200, {})).uncertain


def test_pending_action_is_recognized_by_its_message() -> None:
    assert ApiResponse(Outcome.REJECTED, 422, "Droplet already has a pending event.").rejected
    assert not ApiResponse(Outcome.DENIED, 403, "no").rejected


@pytest.mark.parametrize(
    "networks",
    [
        None,
        [],
        {},
        {"v4": None},
        {"v4": [None, {"type": "private", "ip_address": "10.0.0.1"}, {"type": "public"}]},
    ],
)
def test_server_without_an_address(networks: Any) -> None:
    assert public_address({"networks": networks}) == ""


def test_public_address_is_used() -> None:
    v4 = [
        {"type": "private", "ip_address": "10.0.0.1"},
        {"type": "public", "ip_address": "203.0.113.9"},
    ]
    assert public_address({"networks": {"v4": v4}}) == "203.0.113.9"


def test_ssh_keys() -> None:
    assert keys.parse_lines(f" {ED} me@host \n\n 512190 ") == [f"{ED} me@host", "512190"]
    assert len(keys.fingerprint(ED)) == 47
    assert (
        keys.problem("3b:16:bf:e4:8b:00:8b:b8:59:8c:a9:d3:f0:19:45:fa")
        == keys.problem("512190")
        == keys.problem(ED)
        == ""
    )
    assert "private key" in keys.problem("-----BEGIN OPENSSH PRIVATE KEY-----")
    for invalid in (
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-rsa " + ED.split()[1],
        "ssh-dss " + ED.split()[1],
        "x" * 300,
        "ssh-ed25519 not base64!",
    ):
        assert "not a public SSH key" in keys.problem(invalid), invalid


def test_password_hash_matches_crypt() -> None:
    known = (
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
        "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
    )
    assert sha512_crypt("Hello world!", "saltstring") == known
    assert sha512_crypt("ł" * 70, "abcdefgh12345678") != sha512_crypt("ł" * 69, "abcdefgh12345678")
    first, second = hash_password("one"), hash_password("one")
    assert first != second
    assert sha512_crypt("one", first.split("$")[2]) == first
    assert f"  list: |\n    root:{first}\n" in cloud_config(first)


@pytest.mark.parametrize(
    ("slug", "parts"),
    [
        ("ubuntu-24-04-x64", ("ubuntu", "24.04")),
        ("centos-stream-9-x64", ("centos-stream", "9")),
        ("debian-12-x64", ("debian", "12")),
        ("gpu-h100x1-base", None),
        ("ubuntu-x64", None),
        ("", None),
    ],
)
def test_image_slugs(slug: str, parts: tuple[str, str] | None) -> None:
    assert parse_slug(slug) == parts
    assert parts is None or make_slug("-".join(parts)) == slug


def series(name: str, values: list[Any], label: str = "mode") -> dict[str, Any]:
    """Return a series of a Prometheus matrix."""
    return {"metric": {"host_id": "1", label: name}, "values": values}


def test_cpu_usage_from_counters() -> None:
    idle, user = (
        [[0 + at, str(at * 0.5)] for at in (60, 120, 180)],
        [[at, str(at * 0.5)] for at in (60, 120, 180)],
    )
    assert monitoring.cpu([series("idle", idle), series("user", user)]) == [
        (120, 50.0),
        (180, 50.0),
    ]


def test_reboot_does_not_cause_a_spike() -> None:
    idle, user = [[60, "500"], [120, "10"], [180, "70"]], [[60, "20"], [120, "1"], [180, "1"]]
    assert monitoring.cpu([series("idle", idle), series("user", user)]) == [(180, 0.0)]


def test_traffic_sums_valid_samples_only() -> None:
    odd: list[Any] = [
        [60, "1.5"],
        [120, "NaN"],
        [180],
        "x",
        None,
        [240, "+Inf"],
        [300, None],
        [360, "2"],
    ]
    assert monitoring.traffic([series("inbound", odd, "direction"), None, {"metric": 7}]) == [
        (60, 1.5),
        (360, 2.0),
    ]
    assert monitoring.traffic([]) == monitoring.cpu([]) == []


def test_week_is_downsampled_for_the_chart() -> None:
    points = monitoring.downsample([(float(at), 1.0) for at in range(5000)])
    assert (
        len(points) <= monitoring.MAX_POINTS,
        points[-1][0],
        {value for _, value in points},
    ) == (
        True,
        4999.0,
        {1.0},
    )
    labels = monitoring.with_labels(
        [(1_760_000_000, 1.0), (1_760_000_060, 2.0), (1_760_000_120, 3.0)], "day"
    )
    assert (labels[0], monitoring.ticks(labels)) == (
        ("9 Oct 08:53", 1.0),
        ["9 Oct 08:53", "9 Oct 08:54", "9 Oct 08:55"],
    )
