"""The parts that need no panel: targets, states and packets."""

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
    ],
)
def test_targets(kind: str, text: str, port: int | None, target: Target) -> None:
    assert targets.parse(kind, text, port) == target


@pytest.mark.parametrize(
    ("kind", "text", "port", "words"),
    [
        ("http", "https://anna:secret@example.com/", None, "user names and passwords"),
        ("http", "https://anna@example.com/", None, "user names and passwords"),
        ("http", "example.com", None, "whole web address"),
        ("http", "ftp://example.com/", None, "whole web address"),
        ("http", "file:///etc/passwd", None, "whole web address"),
        ("http", "https:///x", None, "whole web address"),
        ("http", "https://example.com:99999/", None, "whole web address"),
        ("http", "https://example.com:0/", None, "whole web address"),
        ("http", "https://exa mple.com/", None, "whole web address"),
        ("http", "https://example.com/\r\nHost: x", None, "whole web address"),
        ("http", "http://[::1/", None, "whole web address"),
        ("port", "example.com", None, "Write the port"),
        ("port", "example.com", 70000, "Write the port"),
        ("port", "https://example.com", 443, "host name or an address"),
        ("port", "anna:secret@example.com", 443, "user names and passwords"),
        ("ping", "-rf", None, "host name or an address"),
        ("ping", "a..b", None, "host name or an address"),
        ("ping", "", None, "host name or an address"),
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


@pytest.mark.parametrize("six", [False, True])
def test_ping_accepts_its_own_reply_only(six: bool) -> None:
    token = b"sixteen bytes ok"
    sent = ping.request(1, token, six=six)
    assert sent[0] == (128 if six else 8)
    assert six or ping.checksum(sent) == 0, "a right checksum makes the sum nothing"
    echo = bytes([129 if six else 0]) + sent[1:]
    assert ping.is_answer(echo, token, six=six)
    assert not ping.is_answer(sent, token, six=six), "its own request is no answer"
    assert not ping.is_answer(echo, b"another token...", six=six)
    assert not ping.is_answer(b"\0\0", token, six=six)


def test_checksum_of_rfc_1071() -> None:
    assert ping.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    assert ping.checksum(b"\x01") == 0xFEFF


def test_states() -> None:
    first, later = datetime(2026, 1, 1, 10, tzinfo=UTC), datetime(2026, 1, 1, 11, tzinfo=UTC)
    up = states.Standing("up")
    once, change = states.after(up, False, first, 2)
    assert (once, change) == (states.Standing("up", 1, first), "")
    down, change = states.after(once, False, later, 2)
    assert (down, change) == (states.Standing("down", 2, first), states.WENT_DOWN)
    assert states.after(down, False, later, 2)[1] == ""
    assert states.after(down, None, later, 2) == (down, "")
    assert states.after(down, True, later, 2) == (up, states.CAME_BACK)
    assert states.after(once, True, later, 2) == (up, "")
    assert states.after(once, None, later, 2) == (states.Standing("unable", 1, first), "")
    assert states.after(states.Standing("unknown"), True, first, 2) == (up, "")
