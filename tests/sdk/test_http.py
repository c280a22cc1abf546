"""Requests over real sockets to providers that respond, fail, hang, disconnect or return garbage."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from puqpanel.app import Panel
from puqpanel.host.context import Context, entered
from puqpanel.infra.db import session as rows
from puqpanel.infra.http_errors import message
from puqpanel.models import ModuleLog
from puqpanel.sdk import http
from puqpanel.sdk.testing import Provider, Reply, Seen


@pytest.fixture(autouse=True)
def inside(panel: Panel) -> Iterator[None]:
    with entered(Context("Product", "Cloud", service_uuid="s-1")):
        yield


def last() -> ModuleLog:
    row = rows().scalars(sa.select(ModuleLog).order_by(ModuleLog.id.desc())).first()
    assert row is not None
    return row


def test_json_bearer_and_the_log(httpserver: HTTPServer) -> None:
    seen: list[Request] = []

    def handle(request: Request) -> Response:
        seen.append(request)
        return Response('{"id": 7, "password": "hunter2"}', 201, content_type="application/json")

    httpserver.expect_request("/v2/droplets", method="POST").respond_with_handler(handle)
    with http.session(base_url=httpserver.url_for("/v2"), bearer="tok-secret") as cloud:
        answer = cloud.post(
            "/droplets", json={"name": "n", "password": "hunter2"}, params={"page": 1}
        )
    assert (answer.ok, answer.status, answer.http_code, answer.data["id"]) == (
        True,
        "success",
        201,
        7,
    )
    assert (
        answer["status"],
        answer["success"],
        answer.get("data")["id"],
        answer.get("nothing", 3),
    ) == ("success", True, 7, 3)
    assert seen[0].headers["Authorization"] == "Bearer tok-secret"
    assert seen[0].headers["User-Agent"].startswith("puqpanel")
    row = last()
    assert (row.level, row.service_uuid, row.action) == (
        "info",
        "s-1",
        f"POST {httpserver.url_for('/v2/droplets')}",
    )
    assert row.duration_ms is not None
    assert '"name": "n"' in row.request
    assert "hunter2" not in row.request + row.response
    assert "tok-secret" not in row.request


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('{"message": "no  room"}', "The provider returned HTTP 507: no room."),
        ("<html>", "The provider returned HTTP 507."),
        ("[", "The provider returned HTTP 507."),
    ],
)
def test_refusals_and_garbage(httpserver: HTTPServer, body: str, error: str) -> None:
    httpserver.expect_request("/").respond_with_data(body, 507)
    answer = http.session(httpserver.url_for("/")).get()
    assert (answer.ok, answer.status, answer.http_code, answer.error, answer.lost) == (
        False,
        "error",
        507,
        error,
        False,
    )
    assert last().level == "error"


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain", "Zażółć".encode(), "Zażółć"),
        ("text/plain", "Größe".encode("latin-1"), "Größe"),
        ("text/plain; charset=iso-8859-2", "Zażółć".encode("iso-8859-2"), "Zażółć"),
        ("text/plain; charset=nonsense", "Zażółć".encode(), "Zażółć"),
        ("text/plain; charset=undefined", "Zażółć".encode(), "Zażółć"),
        ("text/plain; charset=punycode", b"Gre-xia", "Gre-xia"),
        ("text/plain; charset=unicode_escape", rb"\u0041", r"\u0041"),
        ("text/plain; charset=utf-7", b"+AEE-", "+AEE-"),
        ("text/plain; charset=idna", b"xn--maana-pta", "xn--maana-pta"),
        ("text/plain; charset=windows-1250", "Zażółć".encode("cp1250"), "Zażółć"),
        ("text/plain; charset=UTF_16LE", "Zażółć".encode("utf-16-le"), "Zażółć"),
        ("text/plain; charset=Shift_JIS", "日本".encode("shift-jis"), "日本"),
        ("text/plain; charset=utf-8", b"\xef\xbb\xbfid", "id"),
    ],
)
def test_text_is_decoded_as_declared_or_as_utf8_before_latin1(
    httpserver: HTTPServer, content_type: str, body: bytes, text: str
) -> None:
    httpserver.expect_request("/text").respond_with_data(body, content_type=content_type)
    with http.session(base_url=httpserver.url_for("/")) as client:
        assert client.get("text").text == text


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_json_may_begin_with_a_byte_order_mark(httpserver: HTTPServer, content_type: str) -> None:
    httpserver.expect_request("/bom").respond_with_data(
        b'\xef\xbb\xbf{"id": 7}', content_type=content_type
    )
    with http.session(base_url=httpserver.url_for("/")) as client:
        assert client.get("bom").data == {"id": 7}


def test_expected_status_is_not_logged_as_an_error(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/accounts/7").respond_with_data("", 404)
    httpserver.expect_request("/accounts/8").respond_with_data("", 500)
    cloud = http.session(httpserver.url_for(""))
    answer = cloud.get("/accounts/7", expected=(404,))
    assert (answer.ok, answer.http_code, last().level) == (False, 404, "info")
    assert (cloud.get("/accounts/7").http_code, last().level) == (404, "error")
    assert (cloud.get("/accounts/8", expected=(404,)).http_code, last().level) == (500, "error")


def test_redirects_and_retry_after_are_answers(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data("", 301, {"Location": "/b"})
    httpserver.expect_request("/b").respond_with_data("", 429, {"Retry-After": "60"})
    cloud = http.session(httpserver.url_for(""))
    assert (cloud.post("/a", json={}).http_code, cloud.get("/b").http_code) == (301, 429)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        (b"/caf\xc3\xa9", 200),  # UTF-8, as most servers send it
        (b"/caf\xe9", 200),
        (b"http://[broken", 302),
        (b"ftp://other/", 0),
        ("http://zażółć.invalid/".encode(), 0),
        (b"http://" + b"a" * 300 + b"/", 0),
    ],
)
def test_redirects_to_any_address_are_answers(location: bytes, expected: int) -> None:
    def work(request: Seen) -> Reply:
        if request.path == "/":
            return Reply(302, b"", {"Location": location.decode("latin-1")})
        return Reply(200 if request.path == "/café" else 404)

    with Provider(work) as server, http.session(server.url) as client:
        answer = client.get("/", follow=2)
        assert answer.http_code == expected, answer.error
        assert expected or answer.error
        assert client.post("/").http_code == 302, "the request was processed"


@pytest.mark.parametrize(
    "url", ["http://zażółć.invalid/", "http://xn--\x80/", "http://" + "ż" * 80 + "/", "http://☃☃‥/"]
)
def test_international_names_are_answers(url: str) -> None:
    answer = http.session(url).get()
    assert (answer.ok, answer.http_code, answer.lost) == (False, 0, False)
    assert answer.error and "Traceback" not in answer.error


def test_an_endless_body_is_not_read_for_a_status(
    monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    gone, started = threading.Event(), time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=drip, args=(listening, gone), daemon=True).start()
        answer = http.session(f"http://127.0.0.1:{listening.getsockname()[1]}").get(read_body=False)
        gone.set()
    assert (answer.ok, answer.content) == (True, b"")
    assert time.monotonic() - started < 2
    httpserver.expect_request("/").respond_with_data(b"x" * 20 * 1024 * 1024)
    answer = http.session(httpserver.url_for("/")).get(read_body=False)
    assert (answer.http_code, answer.text) == (200, "")


def test_pairs_secrets_and_files(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/u", method="PUT").respond_with_data("ok swordfish")
    httpserver.expect_request("/f").respond_with_data(b"\xff\x00\x01")
    cloud = http.session(httpserver.url_for(""), auth=("admin", "adminpw"), secrets=["swordfish"])
    cloud.put("/u", data={"key": "password", "value": "hunter2"})
    assert "hunter2" not in last().request
    cloud.put("/u", data=[("groups[]", "a"), ("password", "hunter2"), ("note", "swordfish here")])
    row = last()
    assert "hunter2" not in row.request
    assert "swordfish" not in row.request + row.response
    assert "groups[]" in row.request
    answer = cloud.get("/f", log_body=False)
    assert answer.content == b"\xff\x00\x01"
    assert "not logged" in last().response


@pytest.fixture
def line() -> Iterator[Callable[[bytes | None], str]]:
    """Start servers that read a request, send some bytes (None: nothing) and disconnect."""
    sockets: list[socket.socket] = []
    silent = threading.Event()

    def serve(answer: bytes | None) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        sockets.append(listening)

        def work() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                connection.recv(65536)
                if answer is None:
                    silent.wait(5)
                else:
                    connection.sendall(answer)
                connection.close()

        threading.Thread(target=work, daemon=True).start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield serve
    silent.set()
    for one in sockets:
        one.close()


def test_lost_after_the_request_was_sent(line: Callable[[bytes | None], str]) -> None:
    cut = http.session(line(b"")).post("/x", json={})
    assert (cut.ok, cut.http_code, cut.lost) == (False, 0, True)
    assert cut.error == "The server closed the connection without a response."
    half = http.session(line(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")).post(
        "/x", json={}
    )
    assert (half.ok, half.lost) == (False, True)
    slow = http.session(line(None), timeout=(1, 0.3)).post("/x", json={})
    assert (slow.lost, slow.error) == (True, "The server did not respond in time.")
    garbage = http.session(line(b"\x00\xffnonsense\r\n\r\n")).post("/x")
    assert (garbage.ok, garbage.lost) == (False, True)


def test_unsent_request_is_not_lost() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    answer = http.session(f"http://127.0.0.1:{port}").post("/x", json={})
    assert (answer.ok, answer.lost, answer.error) == (
        False,
        False,
        "Could not connect to the server.",
    )
    for url in ("nonsense", "http://", "ftp://x/y"):
        answer = http.session(url).post("/x")
        assert (answer.ok, answer.lost) == (False, False)
    assert not http.session("http://127.0.0.1", headers={"X": "a\r\nb: c"}).get().ok


def test_endless_response_is_cut_off(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_handler(
        lambda _: Response((b"x" * 65536 for _ in range(400)), 200)
    )
    answer = http.session(httpserver.url_for("/")).get()
    assert (answer.ok, answer.error, answer.text) == (
        False,
        "The response exceeded 10 MB.",
        "",
    )


def test_unknown_certificate(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    moment = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with HTTPServer(host="127.0.0.1", ssl_context=context) as server:
        server.expect_request("/").respond_with_data("{}")
        refused = http.session(server.url_for("/")).post(json={})
        assert (refused.error, refused.lost) == (
            "The server's certificate is not trusted.",
            False,
        )
        assert http.session(server.url_for("/"), verify=False).get().ok
        assert http.session(server.url_for("/"), verify=str(pem)).get().ok
        assert (
            http.session(
                server.url_for("/"), verify=str(pem), policy=http.public_only(["127.0.0.0/8"])
            )
            .get()
            .ok
        )
        named = http.session(
            f"https://localhost:{server.port}",
            verify=str(pem),
            policy=http.public_only(["127.0.0.0/8", "::1"]),
        ).get()
        assert named.error == "The server's certificate is for another host name.", (
            "it is held against the name that was asked for, not the address"
        )


def respond(listening: socket.socket, reply: bytes) -> None:
    """Answer each connection with these bytes, whatever it sends."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(reply)


NO_TLS = "The server does not use TLS (https) on this port; it may expect plain HTTP."


@pytest.mark.parametrize(
    ("scheme", "reply", "sentence"),
    [
        ("https", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", NO_TLS),
        ("https", b"SSH-2.0-OpenSSH_9.6\r\n", NO_TLS),
        ("https", b"", "The server ended the TLS handshake."),
        ("http", b"\x15\x03\x03\x00\x02\x02F", "The server expects TLS (https) on this port."),
        ("http", b"SSH-2.0-OpenSSH_9.6\r\n", "The server does not use HTTP on this port."),
        ("http", b"", "The server closed the connection without a response."),
    ],
)
def test_a_port_with_another_protocol_is_named(scheme: str, reply: bytes, sentence: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=respond, args=(listening, reply), daemon=True).start()
        url = f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"
        assert [http.session(url, verify=verify).get("/").error for verify in (True, False)] == [
            sentence
        ] * 2
        listening.shutdown(socket.SHUT_RDWR)


def test_an_expired_certificate_is_named() -> None:
    cause = (
        "SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired')"
    )
    error = requests.exceptions.SSLError(cause)
    assert message(error) == "The server's certificate has expired."


def drip(listening: socket.socket, gone: threading.Event) -> None:
    """Answers everybody with a byte now and then, for ever."""
    while not gone.is_set():
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not gone.wait(0.1):
                connection.sendall(b"x")


def test_page_waits_briefly_and_once_per_host(
    line: Callable[[bytes | None], str], httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "PAGE_READ", 0.4)
    httpserver.expect_request("/").respond_with_data("{}")
    silent, healthy = line(None), httpserver.url_for("/")
    started = time.monotonic()
    with entered(Context("Product", "Cloud")):
        first, second = http.session(silent).get(), http.session(silent).get("/more")
        assert (first.error, first.ok) == ("The server did not respond in time.", False)
        assert (second.error, second.lost) == (
            "The provider timed out a moment ago, so it was not contacted again.",
            False,
        )
        assert last().level == "error"
        assert http.session(healthy).get().ok, "others are asked"
    assert time.monotonic() - started < 2
    with entered(Context("Product", "Cloud")):
        assert http.session(silent).get().error == first.error, "another call asks again"
    with entered(Context("Product", "Cloud", task_id=7)):
        started = time.monotonic()
        http.session(silent, timeout=0.8).get()
        assert time.monotonic() - started > 0.7, "a task has the time that it asked for"


def test_page_budget_covers_all_requests(
    line: Callable[[bytes | None], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "PAGE_TOTAL", 0.5)
    started = time.monotonic()
    with entered(Context("Product", "Cloud")):
        assert [http.session(line(None)).get().ok for _ in "abcd"] == [False] * 4
    assert time.monotonic() - started < 2


def test_slow_response_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PAGE_TOTAL", 0.6)
    gone, started = threading.Event(), time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=drip, args=(listening, gone), daemon=True).start()
        with entered(Context("Product", "Cloud")):
            answer = http.session(f"http://127.0.0.1:{listening.getsockname()[1]}").get()
        gone.set()
    assert (answer.ok, answer.error, time.monotonic() - started < 2) == (
        False,
        "The response was not complete in time.",
        True,
    )


def test_complete_and_truncated_responses(
    line: Callable[[bytes | None], str], httpserver: HTTPServer
) -> None:
    content = bytes(range(256)) * 4000
    packed = gzip.compress(content)
    httpserver.expect_request("/packed").respond_with_data(
        packed, headers={"Content-Encoding": "gzip"}
    )
    httpserver.expect_request("/pieces").respond_with_handler(
        lambda _: Response(iter([content, b"", content]), direct_passthrough=True)
    )
    httpserver.expect_request("/echo", method="PUT").respond_with_handler(
        lambda request: Response(request.get_data())
    )
    cloud = http.session(httpserver.url_for(""))
    assert (cloud.get("/packed").content, cloud.get("/pieces").content) == (content, content * 2)
    assert cloud.put("/echo", data=content, log_body=False).content == content
    assert cloud.request("HEAD", "/packed").ok
    for cut in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
    ):
        answer = http.session(line(cut)).get()
        assert (answer.ok, answer.lost, answer.http_code) == (False, False, 0)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_content_that_ends_early_is_an_error(
    httpserver: HTTPServer, encoding: str
) -> None:
    content = bytes(range(256)) * 40
    packed = gzip.compress(content) if encoding == "gzip" else zlib.compress(content)
    headers = {"Content-Encoding": encoding}
    httpserver.expect_request("/whole").respond_with_data(packed, headers=headers)
    httpserver.expect_request("/cut").respond_with_data(packed[:-40], headers=headers)
    with http.session(base_url=httpserver.url_for("/")) as cloud:
        assert cloud.get("/whole").content == content
        answer = cloud.get("/cut")
    assert (answer.ok, answer.error) == (False, "The response was incomplete.")
