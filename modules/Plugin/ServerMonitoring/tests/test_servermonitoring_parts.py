"""Targets, states and packets, which need no panel."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from modules.Plugin.ServerMonitoring.services import ping, states, targets
from modules.Plugin.ServerMonitoring.services.targets import Target


@pytest.mark.parametrize(
    ("kind", "text", "port", "target"),
    [
        (
            "http",
            "https://example.com/status?a=b",
            None,
            Target("example.com", 443, "https://example.com/status?a=b"),
        ),
        (
            "http",
            " http://example.com:8080 ",
            None,
            Target("example.com", 8080, "http://example.com:8080"),
        ),
        (
            "http",
            "https://[2001:db8::1]/",
            None,
            Target("2001:db8::1", 443, "https://[2001:db8::1]/"),
        ),
        ("port", "mail.example.com", 25, Target("mail.example.com", 25)),
        ("port", "[2001:db8::1]", 25, Target("2001:db8::1", 25)),
        ("ping", "192.0.2.7", None, Target("192.0.2.7")),
        ("port", "Bücher.example", 25, Target("xn--bcher-kva.example", 25)),
        ("ping", "straße.example", None, Target("xn--strae-oqa.example")),
        (
            "http",
            "https://zażółć.example/ć",
            None,
            Target("xn--za-6ja4f8n1l.example", 443, "https://zażółć.example/ć"),
        ),
    ],
)
def test_targets(kind: str, text: str, port: int | None, target: Target) -> None:
    assert targets.parse(kind, text, port) == target


@pytest.mark.parametrize(
    ("kind", "text", "port", "words"),
    [
        ("http", "https://anna:secret@example.com/", None, "user name and password"),
        ("http", "https://anna@example.com/", None, "user name and password"),
        ("http", "example.com", None, "full URL"),
        ("http", "ftp://example.com/", None, "full URL"),
        ("http", "file:///etc/passwd", None, "full URL"),
        ("http", "https:///x", None, "full URL"),
        ("http", "https://example.com:99999/", None, "full URL"),
        ("http", "https://example.com:0/", None, "full URL"),
        ("http", "https://exa mple.com/", None, "full URL"),
        ("http", "https://example.com/\r\nHost: x", None, "full URL"),
        ("http", "http://[::1/", None, "full URL"),
        ("port", "example.com", None, "Enter a port"),
        ("port", "example.com", 70000, "Enter a port"),
        ("port", "https://example.com", 443, "host name or IP address"),
        ("port", "anna:secret@example.com", 443, "user name and password"),
        ("ping", "-rf", None, "host name or IP address"),
        ("ping", "a..b", None, "host name or IP address"),
        ("ping", "", None, "host name or IP address"),
        ("ping", "☃‥example", None, "host name or IP address"),
        ("port", "ż" * 80, 25, "host name or IP address"),
        ("http", "https://" + "ż" * 80 + "/", None, "full URL"),
    ],
)
def test_invalid_targets(kind: str, text: str, port: int | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        targets.parse(kind, text, port)


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("", [(200, 299)]),
        ("200", [(200, 200)]),
        ("200-204, 301 ,404", [(200, 204), (301, 301), (404, 404)]),
        (" 200 - 299 ", [(200, 299)]),
    ],
)
def test_statuses(text: str, ranges: list[tuple[int, int]]) -> None:
    assert targets.statuses(text) == ranges


@pytest.mark.parametrize("text", ["ok", "99", "600", "300-200", "200;300", "200-", "2000"])
def test_invalid_statuses(text: str) -> None:
    with pytest.raises(ValueError, match="status codes"):
        targets.statuses(text)


@pytest.mark.parametrize("v6", [False, True])
def test_ping_accepts_its_own_reply_only(v6: bool) -> None:
    token = b"sixteen bytes ok"
    request = ping.make_request(1, token, v6=v6)
    assert request[0] == (128 if v6 else 8)
    assert v6 or ping.checksum(request) == 0, "with a correct checksum, the sum is 0"
    reply = bytes([129 if v6 else 0]) + request[1:]
    assert ping.is_reply(reply, token, v6=v6)
    assert not ping.is_reply(request, token, v6=v6), "the request itself is not a reply"
    assert not ping.is_reply(reply, b"another token...", v6=v6)
    assert not ping.is_reply(b"\0\0", token, v6=v6)


def test_checksum_of_rfc_1071() -> None:
    assert ping.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    assert ping.checksum(b"\x01") == 0xFEFF


def test_states() -> None:
    first, later = datetime(2026, 1, 1, 10, tzinfo=UTC), datetime(2026, 1, 1, 11, tzinfo=UTC)
    up = states.CheckState("up")
    failing, change = states.next_state(up, False, first, 2)
    assert (failing, change) == (states.CheckState("up", 1, first), "")
    down, change = states.next_state(failing, False, later, 2)
    assert (down, change) == (states.CheckState("down", 2, first), states.WENT_DOWN)
    assert states.next_state(down, False, later, 2)[1] == ""
    assert states.next_state(down, None, later, 2) == (down, "")
    assert states.next_state(down, True, later, 2) == (up, states.CAME_BACK)
    assert states.next_state(failing, True, later, 2) == (up, "")
    assert states.next_state(failing, None, later, 2) == (states.CheckState("unable", 1, first), "")
    assert states.next_state(states.CheckState("unknown"), True, first, 2) == (up, "")
