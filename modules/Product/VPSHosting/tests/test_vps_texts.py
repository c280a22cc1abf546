"""Answers read, keys known, passwords hashed, images named, and figures drawn."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from modules.Product.VPSHosting.lang.pl import LANG
from modules.Product.VPSHosting.services import keys, monitoring
from modules.Product.VPSHosting.services.answers import Outcome, Told, explain, read
from modules.Product.VPSHosting.services.api import address_of
from modules.Product.VPSHosting.services.slugs import slug_of, take_apart
from modules.Product.VPSHosting.services.userdata import cloud_config, new_hash, sha512_crypt
from puqpanel.sdk.http import Answer

ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH1x2ZvQ9pT0n3VtX5m0cQ4n1kQyC6m0l6Jq7h5s8bWf"


def answer(code: int, body: object = None) -> Answer:
    """An answer with JSON, or with text that is none."""
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
            Outcome.MISSING,
        ),
        (404, None, Outcome.INVALID),
        (401, {"id": "Unauthorized", "message": "Unable to authenticate you"}, Outcome.REFUSED),
        (403, {"id": "forbidden"}, Outcome.REFUSED),
        (422, {"id": "unprocessable_entity", "message": "no"}, Outcome.INVALID),
        (301, None, Outcome.INVALID),
        (429, {"id": "too_many_requests"}, Outcome.BUSY),
        (500, None, Outcome.UNKNOWN),
        (503, {"id": "service_unavailable", "message": 7}, Outcome.UNKNOWN),
        (408, None, Outcome.UNKNOWN),
        (0, None, Outcome.UNKNOWN),
    ],
)
def test_outcomes(code: int, body: object, outcome: Outcome) -> None:
    told = read(answer(code, body), "droplet")
    assert told.outcome is outcome
    assert told.ok or explain(told, "main").endswith(".")


def test_delete_returns_204() -> None:
    assert read(answer(204)).ok
    assert read(answer(200, {})).doubtful


def test_pending_action_is_recognized_by_its_message() -> None:
    assert Told(Outcome.INVALID, 422, "Droplet already has a pending event.").pending_event
    assert not Told(Outcome.INVALID, 422, "no").pending_event


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
    assert address_of({"networks": networks}) == ""


def test_public_address_is_used() -> None:
    v4 = [
        {"type": "private", "ip_address": "10.0.0.1"},
        {"type": "public", "ip_address": "203.0.113.9"},
    ]
    assert address_of({"networks": {"v4": v4}}) == "203.0.113.9"


def test_ssh_keys() -> None:
    assert keys.lines(f" {ED} me@host \n\n 512190 ") == [f"{ED} me@host", "512190"]
    assert len(keys.fingerprint(ED)) == 47
    assert (
        keys.problem("3b:16:bf:e4:8b:00:8b:b8:59:8c:a9:d3:f0:19:45:fa")
        == keys.problem("512190")
        == keys.problem(ED)
        == ""
    )
    assert "private key" in keys.problem("-----BEGIN OPENSSH PRIVATE KEY-----")
    for wrong in (
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-rsa " + ED.split()[1],
        "ssh-dss " + ED.split()[1],
        "x" * 300,
        "ssh-ed25519 not base64!",
    ):
        assert "no public SSH key" in keys.problem(wrong), wrong


def test_password_hash_matches_crypt() -> None:
    known = (
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
        "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
    )
    assert sha512_crypt("Hello world!", "saltstring") == known
    assert sha512_crypt("ł" * 70, "abcdefgh12345678") != sha512_crypt("ł" * 69, "abcdefgh12345678")
    first, second = new_hash("one"), new_hash("one")
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
    assert take_apart(slug) == parts
    assert parts is None or slug_of("-".join(parts)) == slug


def series(name: str, values: list[Any], label: str = "mode") -> dict[str, Any]:
    """One series of a Prometheus matrix."""
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
    thin = monitoring.thin([(float(at), 1.0) for at in range(5000)])
    assert (len(thin) <= monitoring.MOST, thin[-1][0], {value for _, value in thin}) == (
        True,
        4999.0,
        {1.0},
    )
    labels = monitoring.labelled(
        [(1_760_000_000, 1.0), (1_760_000_060, 2.0), (1_760_000_120, 3.0)], "day"
    )
    assert (labels[0], monitoring.ticks(labels)) == (
        ("9 Oct 08:53", 1.0),
        ["9 Oct 08:53", "9 Oct 08:54", "9 Oct 08:55"],
    )


def texts() -> set[str]:
    """Every text that the module translates: in its code, its templates and its forms."""
    folder = Path(__file__).parents[1]
    found: set[str] = set()
    for path in [
        *folder.glob("*.py"),
        *folder.glob("[cfst]*/*.py"),
        *folder.glob("views/*/*.html"),
    ]:
        if path.parent.name != "tests":
            found |= set(re.findall(r'__\(\s*"([^"]+)"', path.read_text()))
    for path in folder.glob("forms/*.py"):
        found |= set(re.findall(r'Field\(\s*"([^"]+)"', path.read_text())) | set(
            re.findall(r'description="([^"]+)"', path.read_text())
        )
    return found


def test_polish_is_complete_and_exact() -> None:
    more = {
        "Overview",
        "Console",
        "Snapshots",
        "Monitoring",
        "DigitalOcean",
        "Incoming traffic",
        "Outgoing traffic",
        "The server is being started.",
        "The server is being shut down.",
        "The server is being restarted.",
        "The power of the server is being cut and switched on again.",
    }
    tokens = {text for text in LANG if text.startswith("Made in DigitalOcean's control panel")}
    assert (texts() | more) - set(LANG) == set()
    assert set(LANG) - texts() - more - tokens == set()
    for text, translation in LANG.items():
        assert set(re.findall(r":[a-z]+", text)) == set(re.findall(r":[a-z]+", translation)), text
