"""What servers really send: malformed, endless, compressed and oddly encoded responses."""

from __future__ import annotations

import base64
import contextlib
import json
import random
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from puqpanel.app import Panel
from puqpanel.host.context import Context, entered
from puqpanel.infra.http import Wire
from puqpanel.sdk import http
from puqpanel.sdk.testing import Provider, Reply, Seen

OK = b"HTTP/1.1 200 OK\r\n"
LATE = "The response was not complete in time."
SEQUENCE = zlib.compressobj(wbits=31)
GZIP = SEQUENCE.compress(b"") + SEQUENCE.flush(zlib.Z_SYNC_FLUSH)
NOTHING = SEQUENCE.flush(zlib.Z_FULL_FLUSH)

Serve = Callable[..., str]


@pytest.fixture(autouse=True)
def inside(panel: Panel) -> Iterator[None]:
    """Run each test within a call of a module."""
    with entered(Context("Product", "Cloud", service_uuid="s-1")):
        yield


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that read a request, then send bytes, repeat others and disconnect."""
    listening: list[socket.socket] = []
    over = threading.Event()

    def answer(connection: socket.socket, first: bytes, again: bytes, gap: float) -> None:
        with contextlib.suppress(OSError), connection:
            connection.recv(65536)
            connection.sendall(first)
            while again and not over.wait(gap):
                connection.sendall(again)

    def start(first: bytes, again: bytes = b"", gap: float = 0.02) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        listening.append(server)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    arguments = (server.accept()[0], first, again, gap)
                    threading.Thread(target=answer, args=arguments, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield start
    over.set()
    for server in listening:
        server.close()


@pytest.mark.parametrize(
    ("first", "again", "gap"),
    [
        (b"HTTP/1.1 200 ", b"x", 0.02),
        (OK + b"X: ", b"x", 0.02),
        (OK, b"X: y\r\n", 0.1),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 0.02),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0", 0.02),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n", 0),
        (OK + b"Content-Encoding: gzip\r\n\r\n" + GZIP, NOTHING * 100, 0),
        (OK + b"\r\n", b"x", 0.02),
    ],
    ids=["status", "header", "headers", "100", "103", "chunk", "trailers", "gzip", "body"],
)
def test_no_part_of_a_response_outlasts_the_deadline(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, first: bytes, again: bytes, gap: float
) -> None:
    monkeypatch.setattr(http, "PAGE_TOTAL", 0.4)
    started = time.monotonic()
    with http.session(serve(first, again, gap)) as client:
        answer = client.post("/x", json={})
    assert (answer.ok, answer.error, answer.lost) == (False, LATE, True)
    assert time.monotonic() - started < 3


def test_a_task_has_a_deadline_too(serve: Serve) -> None:
    started = time.monotonic()
    reply = Wire(timeout=0.2, connect_timeout=0.1).send("GET", serve(OK + b"X: ", b"x"))
    assert (reply.error, reply.lost, reply.slow) == (LATE, False, True)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200\r\nContent-Length: 2",
        OK + "Content-Length: ²".encode("latin-1"),
        OK + b"Content-Length: -1",
        OK + b"Content-Length: " + b"9" * 5000,
        OK + b"Content-Type: \xff; charset=\xfe\"'\r\nContent-Length: 2",
        OK + b"Content-Type: text/plain; charset*=utf-8''%ff; charset*0*=x\r\nContent-Length: 2",
        OK + b"Set-Cookie: \xff=\xfe; expires=\xb2; max-age=\xb2\r\nSet-Cookie: ;;\r\n\xff\xff",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"Content-Length: 2",
        OK + "Retry-After: ²\r\nX-RateLimit-Reset: ٣".encode() + b"\r\nContent-Length: 2",
    ],
)
def test_odd_headers_do_not_hide_the_body(serve: Serve, head: bytes) -> None:
    with http.session(serve(head + b"\r\n\r\n{}")) as client:
        assert client.get("/").data == {}


@pytest.mark.parametrize(
    "response",
    [
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        OK + b"Transfer-Encoding: chunked\r\n\r\n\xb2\r\n{}",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"Content-Encoding: " + b", ".join([b"gzip"] * 100) + b"\r\n\r\n{}",
        OK + b"X: y\r\n" * 200 + b"\r\n{}",
        OK + b"X: " + b"y" * 70_000 + b"\r\n\r\n{}",
        "HTTP/1.1 ²²² No\r\n\r\n".encode("latin-1"),
        b"HTTP/1.1 099 No\r\n\r\n",
        b"<html>",
    ],
)
def test_a_request_with_an_unreadable_response_may_have_been_processed(
    serve: Serve, response: bytes
) -> None:
    with http.session(serve(response)) as client:
        answer = client.post("/x", json={})
    assert (answer.ok, answer.http_code, answer.lost) == (False, 0, True)
    assert answer.error.endswith(".")


def test_random_bytes_are_answers(serve: Serve) -> None:
    chance = random.Random(7)
    whole = OK + b"Content-Type: application/json\r\nContent-Length: 12\r\n\r\n" + b'{"id": "abc"}'
    for _ in range(60):
        garbled = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            garbled[chance.randrange(len(garbled))] = chance.randrange(256)
        with http.session(serve(bytes(garbled))) as client:
            answer = client.post("/x", json={})
        assert answer.http_code or answer.lost, bytes(garbled)
        json.dumps(answer.data, allow_nan=False)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-be", "utf-32-be"])
@pytest.mark.parametrize("declared", ["", "; charset=utf-8", "; charset=iso-8859-1"])
def test_a_byte_order_mark_comes_before_the_declared_charset(encoding: str, declared: str) -> None:
    mark = "\ufeff" if encoding.endswith("-be") else ""
    body = f'{mark}{{"name": "Zażółć"}}'.encode(encoding)
    headers = {"Content-Type": f"application/json{declared}"}
    with (
        Provider(lambda _: Reply(200, body, headers)) as server,
        http.session(server.url) as client,
    ):
        assert client.get("/").data == {"name": "Zażółć"}


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b'{"a": "x\\ud800y\\u0000"}', {"a": "x\ufffdy\ufffd"}),
        (b'["\\ud83d\\ude00"]', ["\U0001f600"]),
        (b'{"\\udfff": {"b": ["\\u0000"]}}', {"\ufffd": {"b": ["\ufffd"]}}),
        (b'{"a": NaN}', None),
        (b"[-Infinity]", None),
        (b'{"a": [1e999, -1E400]}', None),
        (b'{"a": 1.5e3}', {"a": 1500.0}),
        (b'{"a": ' + b"9" * 5000 + b"}", None),
        (b"[" * 100_000, None),
        (b'"\xed\xa0\x80"', "í\xa0\x80"),
        (b"\xff\xfe", None),
    ],
)
def test_parsed_texts_can_be_stored(body: bytes, data: Any) -> None:
    with Provider(lambda _: Reply(200, body)) as server, http.session(server.url) as client:
        answer = client.get("/")
    assert (answer.data, answer.content) == (data, body)
    json.dumps(answer.data, ensure_ascii=False).encode()
    answer.text.encode()
    assert "\x00" not in answer.text


def test_the_body_of_a_redirect_that_is_followed_is_not_read(serve: Serve) -> None:
    with Provider(lambda _: Reply(200, b'{"a": 1}')) as server:
        head = f"HTTP/1.1 302 Found\r\nLocation: {server.url}/b\r\n\r\n".encode()
        started = time.monotonic()
        with http.session(serve(head, b"x")) as client:
            assert client.get("/", follow=1).data == {"a": 1}
        assert time.monotonic() - started < 2


def test_international_names_are_looked_up_by_the_current_standard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {"xn--strae-oqa.example": "straße.example", "xn--bcher-kva.example": "Bücher.example"}

    def look_up(name: str, port: int, *_: Any, **__: Any) -> list[Any]:
        assert name in (*names, "127.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    def work(request: Seen) -> Reply:
        if request.path == "/go":
            target = f"http://straße.example:{server.port}/"
            return Reply(302, b"", {"Location": target.encode().decode("latin-1")})
        return Reply(200, request.headers["host"].encode())

    with Provider(work) as server:
        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        policy = http.public_only(["127.0.0.0/8"])
        for encoded, name in names.items():
            with http.session(f"http://{name}:{server.port}", policy=policy) as client:
                answer = client.get("/")
                assert answer.text == f"{encoded}:{server.port}", answer.error
                assert client.get("/go", follow=1).text == f"xn--strae-oqa.example:{server.port}"
            address = http.resolve_public(name, server.port, ["127.0.0.0/8"])
            assert address == [("127.0.0.1", server.port)]
            assert http.ascii_host(name) == encoded


def test_credentials_are_sent_as_utf8() -> None:
    with Provider() as server, http.session(server.url, auth=("zoë", "zażółć")) as client:
        assert client.get("/").ok
        sent = server.requests[0].headers["authorization"].removeprefix("Basic ")
        assert base64.b64decode(sent).decode() == "zoë:zażółć"


def test_what_cannot_be_sent_was_not_processed() -> None:
    with Provider() as server, http.session(server.url) as client:
        for answer in (
            client.post("/x", json={"a": float("nan")}),
            client.post("/x", json={}, headers={"X": "ż\n"}),
        ):
            assert (answer.ok, answer.lost, bool(answer.error)) == (False, False, True)
        assert not server.requests
