"""Host headers and configured addresses have one spelling; malformed ones have none."""

from __future__ import annotations

import pytest

from puqpanel.domain.hosts import host_of, host_of_url, is_loopback, is_trusted, typed_host


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("panel.example", "panel.example"),
        ("Panel.Example.:8443", "panel.example"),
        ("panel.example:", "panel.example"),
        ("my_panel:80", "my_panel"),
        ("192.0.2.1:8000", "192.0.2.1"),
        ("[2001:DB8:0::1]:8000", "2001:db8::1"),
        ("[::ffff:127.0.0.1]", "127.0.0.1"),
        ("XN--pnel-loa.example", "xn--pnel-loa.example"),
    ],
)
def test_a_header_has_one_spelling(header: str, host: str) -> None:
    assert host_of(header) == host


@pytest.mark.parametrize(
    "header",
    [
        "",
        ".",
        ":80",
        "..",
        "a..b",
        ".a",
        "a b",
        " a",
        "a\t",
        "a\0",
        "user@panel.example",
        "panel.example@evil.example",
        "panel.example/evil",
        "panel.example\\evil",
        "panel.example?x",
        "panel.example#x",
        "panel.example,evil.example",
        "panel.example:80:80",
        "panel.example:x",
        "panel.example:-1",
        "panel.example:65536",
        "panel.example:٣",
        "panel.example%00",
        "pänel.example",
        "p\xc3\xa4nel.example",
        "::1",
        "[::1",
        "[::1]x",
        "[::1]:x",
        "[::1%25eth0]",
        "[fe80::1%eth0]",
        "[192.0.2.1]",
        "[panel.example]",
        "[]",
        "a" * 64,
        "a." * 127 + "a",
        "a" * 100_000,
        "[" + ":" * 100_000 + "]",
    ],
)
def test_a_malformed_header_has_no_host(header: str) -> None:
    assert host_of(header) == ""


def test_addresses_are_typed_in_many_spellings() -> None:
    assert typed_host("Pänel.example:8000") == typed_host("xn--pnel-loa.example")
    assert typed_host("straße.example") == "xn--strae-oqa.example"
    assert typed_host("::1") == "::1" and typed_host("[::1]:80") == "::1"
    assert not typed_host("https://panel.example") and not typed_host("ä..b") and not typed_host("")
    assert host_of_url("https://Pänel.example:8443/x") == "xn--pnel-loa.example"
    assert host_of_url("http://[2001:db8::1]:80") == "2001:db8::1"
    assert host_of_url("http://[") == "" and host_of_url("") == ""


def test_loopback() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1")))
    assert not any(map(is_loopback, ("", "panel.example", "localhost.evil.example", "127.1.evil")))


def test_hosts_are_trusted_if_configured_or_if_none_is() -> None:
    def trusted(host: str, base_url: str = "", others: str = "") -> bool:
        return is_trusted(host, base_url=base_url, others=others)

    assert trusted("anything.example")
    assert trusted("panel.example", "https://panel.example:8443/path")
    assert not trusted("evil.example", "https://panel.example")
    assert not trusted("sub.panel.example", "https://panel.example")
    assert not trusted("", "https://panel.example")
    assert trusted("192.0.2.1", "https://panel.example", "a.example, 192.0.2.1:8000\nb.example")
    assert trusted("2001:db8::1", others="2001:DB8::1")
    assert not trusted("evil.example", others="a.example")
