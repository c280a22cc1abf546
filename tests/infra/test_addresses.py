"""Where the panel may be sent by what people type: every way of writing a closed address is
refused, and what was looked at is what is reached.
"""

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
def test_closed_addresses_in_every_spelling(host: str) -> None:
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
def test_what_is_no_host(host: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve_public(host, 80)
    assert str(caught.value).endswith(".") and len(str(caught.value)) < 200


@pytest.mark.parametrize("port", [0, -1, 65536, True, "x", None, 1.5])
def test_what_is_no_port(port: Any) -> None:
    with pytest.raises(AddressRefused, match="port"):
        resolve_public("8.8.8.8", port)


@pytest.mark.parametrize("host", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_the_open_internet(host: str) -> None:
    assert resolve_public(host, 443) == [(str(ip_address(host)), 443)]


def test_what_is_inside_another_is_reached_plainly() -> None:
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


def test_the_setting() -> None:
    found = Settings.load({"PUQPANEL_MONITORING_ALLOW": "10.0.0.0/8, 192.168.7.5"})
    assert found.monitoring_allow == ("10.0.0.0/8", "192.168.7.5")
    with pytest.raises(SettingsError, match="MONITORING_ALLOW"):
        Settings.load({"PUQPANEL_MONITORING_ALLOW": "office"})


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Names of the test's own, each with the answers it gives one look after the other; tells
    who was asked for.
    """
    real = socket.getaddrinfo

    def install(**table: list[str]) -> list[str]:
        asked: list[str] = []

        def look(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            name = str(host).removesuffix(".test")
            if name not in table:
                return real(host, port, *args, **kwargs)
            asked.append(name)
            answers = table[name]
            return real(answers.pop(0) if len(answers) > 1 else answers[0], port, *args, **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", look)
        return asked

    return install


def test_only_the_open_ones_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *a, **k: [(2, 1, 6, "", (ip, 80)) for ip in ("10.0.0.1", "8.8.8.8", "8.8.8.8")],
    )
    assert resolve_public("mixed.test", 80) == [("8.8.8.8", 80)]


def test_a_resolver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = threading.Event()
    monkeypatch.setattr(addresses, "LOOKUP_SECONDS", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: gone.wait(10) and [])
    with pytest.raises(AddressRefused, match="in time"):
        resolve_public("slow.test", 80)
    gone.set()


def test_a_session_of_the_open_internet_only(httpserver: HTTPServer) -> None:
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


def test_each_redirect_is_looked_at(
    httpserver: HTTPServer, names: Callable[..., list[str]]
) -> None:
    names(door=["127.0.0.1"], inner=["127.0.0.2"])
    httpserver.expect_request("/").respond_with_data(
        "", 302, {"Location": f"http://inner.test:{httpserver.port}/secret"}
    )
    httpserver.expect_request("/secret").respond_with_data("the secret")
    monitor = http.session(
        f"http://door.test:{httpserver.port}", policy=http.public_only(["127.0.0.1"])
    )
    assert (monitor.get("/").http_code, monitor.get("/").ok) == (302, False)
    followed = monitor.get("/", follow=3)
    assert (followed.ok, followed.http_code) == (False, 0)
    assert "127.0.0.2" in followed.error
    assert {request.path for request, _ in httpserver.log} == {"/"}


def test_a_name_that_changes_its_answer(
    httpserver: HTTPServer, names: Callable[..., list[str]]
) -> None:
    asked = names(rebind=["127.0.0.1", "127.0.0.2"])
    httpserver.expect_request("/").respond_with_data("reached")
    answer = http.session(
        f"http://rebind.test:{httpserver.port}", policy=http.public_only(["127.0.0.1"])
    ).get("/")
    assert (answer.text, asked) == (
        "reached",
        ["rebind"],
    ), "one look, and what was looked at is what was reached"
    assert (
        "127.0.0.2"
        in http.session(
            f"http://rebind.test:{httpserver.port}", policy=http.public_only(["127.0.0.1"])
        )
        .get("/")
        .error
    )


def test_credentials_stay_with_their_host(httpserver: HTTPServer) -> None:
    seen: list[Request] = []

    def handle(request: Request) -> Response:
        seen.append(request)
        to = {"/a": "/b", "/b": f"http://localhost:{httpserver.port}/c"}.get(request.path)
        return Response("end", 302 if to else 200, headers={"Location": to} if to else {})

    httpserver.expect_request("/a").respond_with_handler(handle)
    httpserver.expect_request("/b").respond_with_handler(handle)
    httpserver.expect_request("/c").respond_with_handler(handle)
    cloud = http.session(
        f"http://127.0.0.1:{httpserver.port}",
        auth=("u", "pw-secret"),
        headers={"X-Api-Key": "key-secret"},
    )
    answer = cloud.get("/a", follow=5, headers={"X-Once": "once-secret"}, params={"q": "1"})
    assert (answer.text, [request.path for request in seen]) == ("end", ["/a", "/b", "/c"])
    assert (
        "X-Api-Key" in seen[1].headers
        and "Authorization" in seen[1].headers
        and "X-Once" in seen[1].headers
    )
    assert not {"X-Api-Key", "Authorization", "X-Once"} & set(seen[2].headers.keys())
    assert seen[2].headers["User-Agent"].startswith("puqpanel") and seen[2].query_string == b""
    assert cloud.post("/a", json={}, follow=5).http_code == 302, "nothing is sent twice"


def test_redirects_in_a_circle_and_to_other_schemes(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/round").respond_with_data("", 302, {"Location": "/round"})
    httpserver.expect_request("/file").respond_with_data(
        "", 302, {"Location": "file:///etc/passwd"}
    )
    cloud = http.session(httpserver.url_for(""))
    assert cloud.get("/round", follow=4).http_code == 302
    assert len(httpserver.log) == 5
    answer = cloud.get("/file", follow=4)
    assert (answer.ok, answer.text, answer.http_code) == (False, "", 0) and answer.error


def test_a_redirect_to_nonsense() -> None:
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
