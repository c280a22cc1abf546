"""Protection against SSRF: every notation of a private address is refused, also in redirects."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from puqpanel.domain.errors import UserError
from puqpanel.infra import addresses
from puqpanel.infra.addresses import AddressRefused, is_open, resolve_public
from puqpanel.infra.settings import Settings, SettingsError
from puqpanel.sdk import http


@pytest.fixture(autouse=True)
def nothing_allowed() -> Iterator[None]:
    addresses.allow(())
    yield
    addresses.allow(())


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "127.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "::",
        "::1",
        "[::1]",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:a00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "fe80::1",
        "fec0::1",
        "fd00:ec2::254",
        "ff02::1",
        "2002:7f00:1::1",
        "2001:0:53aa:64c:0:fbff:80ff:fffe",
        "2001:db8::1",
        "100::1",
    ],
)
def test_private_addresses_are_refused_in_every_notation(host: str) -> None:
    with pytest.raises(AddressRefused, match="is not a public address"):
        resolve_public(host, 80)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "  ",
        "a b",
        "http://x/",
        "user@host",
        "a..b",
        "x" * 300,
        "null\0byte",
        "nobody-has-this.invalid",
        "пример.invalid",
    ],
)
def test_an_invalid_host_is_refused(host: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve_public(host, 80)
    assert str(caught.value).endswith(".") and len(str(caught.value)) < 200


@pytest.mark.parametrize("port", [0, -1, 65536, True, "x", None, 1.5])
def test_an_invalid_port_is_refused(port: Any) -> None:
    with pytest.raises(AddressRefused, match="port"):
        resolve_public("8.8.8.8", port)


@pytest.mark.parametrize("host", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_allowed(host: str) -> None:
    assert resolve_public(host, 443) == [(str(ip_address(host)), 443)]


def test_an_ipv4_mapped_address_resolves_to_ipv4() -> None:
    assert resolve_public("::ffff:8.8.8.8", 53) == [("8.8.8.8", 53)]


def test_allowed_networks() -> None:
    assert resolve_public("127.0.0.1", 80, ["127.0.0.0/8"]) == [("127.0.0.1", 80)]
    assert resolve_public("::ffff:127.0.0.1", 80, ["127.0.0.1"]) == [("127.0.0.1", 80)]
    with pytest.raises(AddressRefused):
        resolve_public("10.0.0.1", 80, ["127.0.0.0/8"])
    with pytest.raises(UserError, match="not a network"):
        resolve_public("8.8.8.8", 80, ["everything"])
    addresses.allow(["10.0.0.0/8"])
    assert resolve_public("10.9.8.7", 80) == [("10.9.8.7", 80)]
    assert not is_open(ip_address("127.0.0.1"))


def test_the_setting_is_validated() -> None:
    settings = Settings.load({"PUQPANEL_MONITORING_ALLOW": "10.0.0.0/8, 192.168.7.5"})
    assert settings.monitoring_allow == ("10.0.0.0/8", "192.168.7.5")
    with pytest.raises(SettingsError, match="MONITORING_ALLOW"):
        Settings.load({"PUQPANEL_MONITORING_ALLOW": "office"})


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Install fake host names with consecutive addresses; return the names that are resolved."""
    real = socket.getaddrinfo

    def install(**table: list[str]) -> list[str]:
        resolved: list[str] = []

        def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            name = str(host).removesuffix(".test")
            if name not in table:
                return real(host, port, *args, **kwargs)
            resolved.append(name)
            texts = table[name]
            return real(texts.pop(0) if len(texts) > 1 else texts[0], port, *args, **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return resolved

    return install


def test_only_public_addresses_of_a_name_are_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *a, **k: [(2, 1, 6, "", (ip, 80)) for ip in ("10.0.0.1", "8.8.8.8", "8.8.8.8")],
    )
    assert resolve_public("mixed.test", 80) == [("8.8.8.8", 80)]


def test_resolving_has_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    monkeypatch.setattr(addresses, "LOOKUP_SECONDS", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: done.wait(10) and [])
    with pytest.raises(AddressRefused, match="in time"):
        resolve_public("slow.test", 80)
    done.set()


def test_a_session_with_a_policy_refuses_private_addresses(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("inside")
    for host in ("127.0.0.1", "localhost", "2130706433", "[::ffff:7f00:1]"):
        answer = http.session(f"http://{host}:{httpserver.port}", policy=http.public_only()).get(
            "/"
        )
        assert (answer.ok, answer.lost, answer.text) == (False, False, "")
        assert "is not a public address" in answer.error
    assert httpserver.log == []
    assert (
        http.session(httpserver.url_for(""), policy=http.public_only(["127.0.0.1"])).get("/").text
        == "inside"
    )
    assert http.session(httpserver.url_for("")).get("/").text == "inside", (
        "a module's own provider may be anywhere"
    )
    refused = http.session("https://10.0.0.1", policy=http.public_only()).get("/")
    assert "10.0.0.1 is not a public address" in refused.error


def test_the_policy_applies_to_redirects(
    httpserver: HTTPServer, names: Callable[..., list[str]]
) -> None:
    names(public=["127.0.0.1"], inner=["127.0.0.2"])
    httpserver.expect_request("/").respond_with_data(
        "", 302, {"Location": f"http://inner.test:{httpserver.port}/secret"}
    )
    httpserver.expect_request("/secret").respond_with_data("the secret")
    monitor = http.session(
        f"http://public.test:{httpserver.port}", policy=http.public_only(["127.0.0.1"])
    )
    assert (monitor.get("/").http_code, monitor.get("/").ok) == (302, False)
    followed = monitor.get("/", follow=3)
    assert (followed.ok, followed.http_code) == (False, 0)
    assert "127.0.0.2" in followed.error
    assert {request.path for request, _ in httpserver.log} == {"/"}


def test_dns_rebinding_has_no_effect(
    httpserver: HTTPServer, names: Callable[..., list[str]]
) -> None:
    resolved = names(rebind=["127.0.0.1", "127.0.0.2"])
    httpserver.expect_request("/").respond_with_data("reached")
    answer = http.session(
        f"http://rebind.test:{httpserver.port}", policy=http.public_only(["127.0.0.1"])
    ).get("/")
    assert (answer.text, resolved) == (
        "reached",
        ["rebind"],
    ), "the name is resolved once, and the checked address is used"
    assert (
        "127.0.0.2"
        in http.session(
            f"http://rebind.test:{httpserver.port}", policy=http.public_only(["127.0.0.1"])
        )
        .get("/")
        .error
    )


def test_credentials_are_sent_only_to_their_origin(httpserver: HTTPServer) -> None:
    received: list[Request] = []

    def handle(request: Request) -> Response:
        received.append(request)
        location = {"/a": "/b", "/b": f"http://localhost:{httpserver.port}/c"}.get(request.path)
        return Response(
            "end", 302 if location else 200, headers={"Location": location} if location else {}
        )

    httpserver.expect_request("/a").respond_with_handler(handle)
    httpserver.expect_request("/b").respond_with_handler(handle)
    httpserver.expect_request("/c").respond_with_handler(handle)
    cloud = http.session(
        f"http://127.0.0.1:{httpserver.port}",
        auth=("u", "pw-secret"),
        headers={"X-Api-Key": "key-secret"},
    )
    answer = cloud.get("/a", follow=5, headers={"X-Once": "once-secret"}, params={"q": "1"})
    assert (answer.text, [request.path for request in received]) == ("end", ["/a", "/b", "/c"])
    assert (
        "X-Api-Key" in received[1].headers
        and "Authorization" in received[1].headers
        and "X-Once" in received[1].headers
    )
    assert not {"X-Api-Key", "Authorization", "X-Once"} & set(received[2].headers.keys())
    assert (
        received[2].headers["User-Agent"].startswith("puqpanel") and received[2].query_string == b""
    )
    assert cloud.post("/a", json={}, follow=5).http_code == 302, "a POST is never repeated"


def test_redirect_loops_and_other_schemes_are_not_followed(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/round").respond_with_data("", 302, {"Location": "/round"})
    httpserver.expect_request("/file").respond_with_data(
        "", 302, {"Location": "file:///etc/passwd"}
    )
    cloud = http.session(httpserver.url_for(""))
    assert cloud.get("/round", follow=4).http_code == 302
    assert len(httpserver.log) == 5
    answer = cloud.get("/file", follow=4)
    assert (answer.ok, answer.text, answer.http_code) == (False, "", 0) and answer.error


def test_a_redirect_to_an_invalid_url_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def work() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(
                    b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n"
                )

        thread = threading.Thread(target=work)
        thread.start()
        answer = http.session(f"http://127.0.0.1:{listening.getsockname()[1]}").get("/", follow=1)
        thread.join()
    assert not answer.ok and answer.error.endswith(".")
