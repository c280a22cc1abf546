"""An HTTP server that simulates a provider and its faults.

    def work(request: Seen) -> Reply:
        return Reply.of({"id": 7})

    with Provider(work) as cloud:
        cloud.fail("500")
        cloud.fail("drop_after", method="POST", times=2)
        ...
        cloud.seen("POST", "/accounts")

The faults are:

| fault | what the client sees | | --- | --- | | timeout | no response for `silence` seconds;
nothing was done | | timeout_after | the work is done, but no response arrives | | 500, 502, 503 … |
that status with an HTML page; nothing was done | | 500_after | the work is done and the status is
500 | | 429 | too many requests, with Retry-After | | garbage | status 200 with a body that is
neither JSON nor XML | | empty | status 200 without a body; the work is done | | drop | the
connection closes before anything was done | | drop_after | the work is done, then the connection
closes |
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

# every other fault is an HTTP status as text
NAMED = {"timeout", "timeout_after", "500_after", "429", "garbage", "empty", "drop", "drop_after"}
GARBAGE = b"\x00\xff<<not { json nor <xml \xfe\n" * 3
PAGE = b"<!DOCTYPE html><html><body><h1>Something went wrong</h1><p>nginx</p></body></html>"
READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Seen:
    """One request as it arrived.

    Attributes:
        method: the HTTP method.
        path: the path, decoded.
        query: the query string's pairs.
        headers: the headers, with lower-case names.
        body: the body as bytes.
    """

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> list[tuple[str, str]]:
        """The body as form fields, in order; repeated names are preserved."""
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    @property
    def json(self) -> Any:
        """The body parsed as JSON."""
        return json.loads(self.body or b"null")

    @property
    def reads(self) -> bool:
        """True if the request changes nothing: GET, HEAD or OPTIONS."""
        return self.method in READS

    def field(self, name: str, default: str = "") -> str:
        """Return the first value of a field in the body's form, or else in the query string."""
        return next((value for key, value in [*self.form, *self.query] if key == name), default)

    def fields(self, name: str) -> list[str]:
        """Return all values of a field in the body's form."""
        return [value for key, value in self.form if key == name]


@dataclass(frozen=True)
class Reply:
    """One response.

    Attributes:
        status: the HTTP status.
        body: the body as bytes.
        headers: the headers.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: object, status: int = 200) -> Reply:
        """Return a JSON response."""
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


@dataclass
class Fault:
    """A fault and the requests it applies to; see `Provider.fail`."""

    kind: str
    method: str = ""
    path: str = ""
    left: int = 1
    after: int = 30
    skip: int = 0
    changing: bool = False

    def fits(self, request: Seen) -> bool:
        """Return whether the fault applies to this request, and count the skipped ones."""
        fits = (
            self.left > 0
            and self.method in ("", request.method)
            and re.search(self.path, request.path) is not None
            and not (self.changing and request.reads)
        )
        if fits and self.skip:
            self.skip -= 1
            return False
        return fits


class Provider:
    """A threaded HTTP server on the loopback interface.

    The behaviour of the healthy provider is a function, or `work()` of a subclass.

    Attributes:
        requests: all requests that arrived.
        silence: seconds for which a timeout fault delays a request.
        struck: how many faults were applied.
    """

    def __init__(self, work: Callable[[Seen], Reply] | int | None = None, port: int = 0) -> None:
        """Bind to a port; the server responds between `start()` and `stop()`, or within `with`.

        Args:
            work: the behaviour of the healthy provider; a port is accepted too.
            port: the port; 0 picks a free one.
        """
        if isinstance(work, int):
            port = work
        self.requests: list[Seen] = []
        self.silence = 120.0
        self.struck = 0
        self._work = None if isinstance(work, int) else work
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._gone = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its address, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start responding."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop, and release delayed requests."""
        self._gone.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(5)
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def fail(
        self,
        kind: str,
        *,
        method: str = "",
        path: str = "",
        times: int = 1,
        skip: int = 0,
        after: int = 30,
        changing: bool = False,
    ) -> None:
        """Make the next requests fail.

        Args:
            kind: a fault of this module's table, or an HTTP status as text.
            method: apply to requests of this method only.
            path: apply to requests whose path matches this pattern only.
            times: how many requests fail.
            skip: how many matching requests to let through first.
            after: the seconds in Retry-After.
            changing: apply only to requests that change something (`Seen.reads` is False).

        Raises:
            ValueError: there is no such fault.
        """
        if kind not in NAMED and not re.fullmatch(r"[345]\d\d", kind):
            raise ValueError(f"there is no fault {kind!r}")
        with self._lock:
            self._faults.append(Fault(kind, method, path, times, after, skip, changing))

    def heal(self) -> None:
        """Cancel all faults that have not been applied yet."""
        with self._lock:
            self._faults.clear()

    def seen(self, method: str = "", path: str = "") -> list[Seen]:
        """Return the requests that arrived so far.

        Args:
            method: only requests of this method.
            path: only requests whose path matches this pattern.
        """
        return [
            request
            for request in self.requests
            if method in ("", request.method) and re.search(path, request.path)
        ]

    def work(self, request: Seen) -> Reply:
        """Return the healthy provider's response; called by one thread at a time."""
        return self._work(request) if self._work is not None else Reply.of({})

    def settle(self, request: Seen) -> Reply | None:
        """Return the response to a request, with faults applied; None closes the connection."""
        with self._lock:
            self.requests.append(request)
            fault = next((entry for entry in self._faults if entry.fits(request)), None)
            if fault is not None:
                fault.left -= 1
            reply = (
                self.work(request)
                if fault is None or fault.kind.endswith("_after") or fault.kind == "empty"
                else None
            )
            self.struck += fault is not None
        if fault is None:
            return reply
        if fault.kind.startswith("timeout"):
            self._gone.wait(self.silence)
            return None
        if fault.kind.startswith("drop"):
            return None
        if fault.kind == "empty":
            return Reply(200)
        if fault.kind == "garbage":
            return Reply(200, GARBAGE, {"Content-Type": "application/json"})
        headers = {
            "Content-Type": "text/html",
            **({"Retry-After": str(fault.after)} if fault.kind == "429" else {}),
        }
        return Reply(int(fault.kind.removesuffix("_after")), PAGE, headers)


def wait_for(server: Provider, method: str = "", path: str = "", seconds: float = 5) -> Seen:
    """Wait until a request has arrived, and return the last matching one.

    Args:
        server: the provider.
        method: only requests of this method.
        path: only requests whose path matches this pattern.
        seconds: how long to wait.

    Raises:
        TimeoutError: no request arrived in time.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if requests := server.seen(method, path):
            return requests[-1]
        time.sleep(0.01)
    raise TimeoutError(f"no {method or 'request'} {path} arrived in {seconds} s")


def _handler(owner: Provider) -> type[BaseHTTPRequestHandler]:
    """Return a request handler class bound to its server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = parse_qsl(parts.query, keep_blank_values=True)
            reply = owner.settle(Seen(self.command, unquote(parts.path), query, headers, body))
            self.close_connection = reply is None
            if reply is None:
                with contextlib.suppress(OSError):  # the client disconnected first
                    self.connection.shutdown(socket.SHUT_RDWR)
                return
            with contextlib.suppress(OSError):  # the client disconnected
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _any

        def log_message(self, format: str, *args: object) -> None:
            """Discard the line: requests are in `Provider.requests`."""

    return Handler
