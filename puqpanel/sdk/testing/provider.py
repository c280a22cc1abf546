"""A small HTTP server that stands for a provider, and whose next answers can be told to go wrong.

    def work(request: Seen) -> Reply:            # what a healthy provider does, in its own wire
    format
        return Reply.of({"id": 7})

    with Provider(work) as cloud:
        cloud.fail("500")                                    # the next request
        cloud.fail("drop_after", method="POST", times=2)     # the next two POSTs do their work,
        then the line drops ... cloud.seen("POST", "/accounts")                      # what arrived

The faults are those that real providers show:

| fault | what the client meets |
| --- | --- |
| timeout | no answer for as long as `silence` says; nothing was done |
| timeout_after | the work is done, the answer never comes |
| 500, 502, 503 … | that status with a page of HTML; nothing was done |
| 500_after | the work is done and the answer is 500 all the same |
| 429 | too many requests, with Retry-After |
| garbage | 200 and bytes that are no JSON and no XML |
| empty | 200 and no body; the work was done |
| drop | the line is cut before anything was done |
| drop_after | the work is done, then the line is cut |
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
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

#: Faults with a name; every other fault is an HTTP status written as text.
NAMED = {"timeout", "timeout_after", "500_after", "429", "garbage", "empty", "drop", "drop_after"}
GARBAGE = b"\x00\xff<<not { json nor <xml \xfe\n" * 3
PAGE = b"<!DOCTYPE html><html><body><h1>Something went wrong</h1><p>nginx</p></body></html>"
READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> list[tuple[str, str]]:
        """The body as a form's fields, in order; repeated names stay repeated."""
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body or b"null")

    @property
    def reads(self) -> bool:
        """Whether it only asks, and changes nothing."""
        return self.method in READS

    def field(self, name: str, default: str = "") -> str:
        """The first value of `name` in the body's form, else in the query, else `default`."""
        return next((value for key, value in [*self.form, *self.query] if key == name), default)

    def fields(self, name: str) -> list[str]:
        """All values of `name` in the body's form."""
        return [value for key, value in self.form if key == name]


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: object, status: int = 200) -> Reply:
        """A JSON answer."""
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


@dataclass
class Fault:
    """What is to go wrong, and with which requests."""

    kind: str
    method: str = ""
    path: str = ""
    left: int = 1
    after: int = 30
    skip: int = 0
    changing: bool = False

    def fits(self, request: Seen) -> bool:
        """True if this request is one that it was ordered for; those to be let through are
        counted.
        """
        fits = (
            self.left > 0
            and self.method in ("", request.method)
            and re.search(self.path, request.path) is not None
        )
        fits = fits and not (self.changing and request.reads)
        if fits and self.skip:
            self.skip -= 1
            return False
        return fits


class Provider:
    """A threaded HTTP server on loopback.

    What a healthy provider does is given as a function, or is `work()` of a subclass.

    Attributes: requests, all that arrived; silence, seconds that a request which times out is held.
    """

    def __init__(self, work: Callable[[Seen], Reply] | int | None = None, port: int = 0) -> None:
        """Bind to `port`, or to any free one.

        The server answers from `start()` (or `with`) until `stop()`.
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
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, and let go whoever still waits for an answer."""
        self._gone.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(5)
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
        """Let the next requests go wrong.

        Args:
            kind: a fault of this module's table, or an HTTP status as text.
            method: only requests of this method.
            path: only requests whose path this pattern is found in.
            times: how many of them.
            skip: how many of them to let through before.
            after: seconds in Retry-After.
            changing: only requests that change something (`Seen.reads` is False).

        Raises:
            ValueError: there is no such fault.
        """
        if kind not in NAMED and not re.fullmatch(r"[345]\d\d", kind):
            raise ValueError(f"no fault named {kind!r}")
        with self._lock:
            self._faults.append(Fault(kind, method, path, times, after, skip, changing))

    def heal(self) -> None:
        """Forget all faults that have not happened yet."""
        with self._lock:
            self._faults.clear()

    def seen(self, method: str = "", path: str = "") -> list[Seen]:
        """The requests that arrived so far, those of `method` whose path holds the pattern
        `path`.
        """
        return [
            one for one in self.requests if method in ("", one.method) and re.search(path, one.path)
        ]

    def work(self, request: Seen) -> Reply:
        """What a healthy provider does with the request. Called by one thread at a time."""
        return self._work(request) if self._work is not None else Reply.of({})

    def settle(self, request: Seen) -> Reply | None:
        """Answer one request with what was ordered for it; None means that the line is to be
        cut.
        """
        with self._lock:
            self.requests.append(request)
            fault = next((one for one in self._faults if one.fits(request)), None)
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
    """Wait until such a request has arrived, and return the last of them.

    Raises:
        TimeoutError: none came in that time.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := server.seen(method, path):
            return found[-1]
        time.sleep(0.01)
    raise TimeoutError(f"no {method or 'request'} {path} arrived in {seconds} s")


def _handler(owner: Provider) -> type[BaseHTTPRequestHandler]:
    """A request handler class bound to its server."""

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
                with contextlib.suppress(OSError):  # the client was quicker
                    self.connection.shutdown(socket.SHUT_RDWR)
                return
            with contextlib.suppress(OSError):  # the client did not wait for it
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _any

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the requests are in `requests`."""

    return Handler
