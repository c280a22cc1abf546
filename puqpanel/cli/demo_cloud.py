"""The demo cloud: a provider to play with, a plain HTTP API on loopback that needs nothing but
Python.

Every request carries `Authorization: Bearer TOKEN`; bodies and answers are JSON, a file's content
is raw bytes. Errors are `{"error": sentence, "fields": {name: sentence}}` with 401, 403, 404, 409,
413 or 422.

    GET    /plans
    GET    /accounts                            POST   /accounts {username, password, domain, plan,
    location, disk_space, bandwidth} GET    /accounts/{username}                 DELETE
    /accounts/{username} PUT    /accounts/{username}/suspend         PUT
    /accounts/{username}/unsuspend PUT    /accounts/{username}/plan {plan}     PUT
    /accounts/{username}/password {password} GET    /accounts/{username}/usage           disk_bytes,
    disk_limit_bytes, bandwidth_limit_bytes, bandwidth: [{day, bytes}] of 30 days GET
    /accounts/{username}/files/{path}    a folder's entries, or a file's bytes PUT
    /accounts/{username}/files/{path}    DELETE /accounts/{username}/files/{path} POST
    /accounts/{username}/folders {path}

Sizes of accounts are in GB. A suspended account's files answer 403.
"""

from __future__ import annotations

import hmac
import json
import re
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from puqpanel.cli.demo_cloud_store import LOCATIONS, MAX_FILE, PLANS, Refused, Store

Answer = bytes | dict[str, Any]
_NAME = r"/accounts/(?P<username>[^/]+)"


class DemoCloud(ThreadingHTTPServer):
    """The server; call serve_forever(), and close() after it.

    Args:
        state: folder for the accounts, made when missing.
        token: what every request has to carry.
        listener: a socket that listens already; without one, a free port of loopback is taken.
    """

    daemon_threads = True

    def __init__(self, state: Path, token: str, listener: socket.socket | None = None) -> None:
        state.mkdir(parents=True, exist_ok=True)
        super().__init__(("127.0.0.1", 0), Handler, bind_and_activate=listener is None)
        if listener is not None:
            self.socket.close()
            self.socket = listener
            self.server_address = listener.getsockname()
        self.token = token
        self.store = Store(state / "demo-cloud.db")

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def close(self) -> None:
        """Ends the server and closes its files."""
        self.server_close()
        self.store.close()


class Handler(BaseHTTPRequestHandler):
    """One request: the table of routes, and JSON in and out."""

    server: DemoCloud
    protocol_version = "HTTP/1.1"
    server_version = "DemoCloud/1"
    timeout = 30

    def _serve(self) -> None:
        status, answer = 200, b""
        result: Answer = answer
        try:
            body = self._body()
            if not hmac.compare_digest(
                self.headers.get("Authorization", "").encode(),
                f"Bearer {self.server.token}".encode(),
            ):
                raise Refused(401, "The token is missing or wrong.")
            path = urlsplit(self.path).path
            found = [
                (match, methods)
                for pattern, methods in ROUTES
                if (match := re.fullmatch(pattern, path))
            ]
            if not found:
                raise Refused(404, "There is nothing at this address.")
            match, methods = found[0]
            if self.command not in methods:
                raise Refused(405, f"This address takes {', '.join(methods)}.")
            status, handle = methods[self.command]
            result = handle(
                self,
                body,
                **{name: unquote(value) for name, value in match.groupdict(default="").items()},
            )
        except Refused as error:
            status, result = (
                error.status,
                {
                    "error": str(error),
                    **({"fields": error.fields} if error.fields else {}),
                },
            )
        self._answer(status, result)

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > MAX_FILE:
            self.close_connection = True  # what follows is not read
            raise Refused(413, "The request is too large.")
        return self.rfile.read(int(length))

    def fields(self, body: bytes) -> dict[str, Any]:
        """The body as a JSON object."""
        try:
            data = json.loads(body or b"{}")
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise Refused(422, "The body must be a JSON object.")
        return data

    def _answer(self, status: int, result: Answer) -> None:
        raw = isinstance(result, bytes)
        content = result if isinstance(result, bytes) else json.dumps(result).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream" if raw else "application/json")
        self.send_header("Content-Length", str(len(content)))
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Stays silent: the panel's module log has every request."""


Route = tuple[int, Callable[..., Answer]]
ROUTES: tuple[tuple[str, dict[str, Route]], ...] = (
    (r"/plans", {"GET": (200, lambda h, b: {"plans": list(PLANS), "locations": list(LOCATIONS)})}),
    (
        r"/accounts",
        {
            "GET": (200, lambda h, b: {"accounts": h.server.store.accounts()}),
            "POST": (201, lambda h, b: h.server.store.create(h.fields(b))),
        },
    ),
    (
        _NAME,
        {
            "GET": (200, lambda h, b, username: h.server.store.account(username)),
            "DELETE": (200, lambda h, b, username: h.server.store.delete(username)),
        },
    ),
    (
        _NAME + "/suspend",
        {"PUT": (200, lambda h, b, username: h.server.store.set_state(username, "suspended"))},
    ),
    (
        _NAME + "/unsuspend",
        {"PUT": (200, lambda h, b, username: h.server.store.set_state(username, "active"))},
    ),
    (
        _NAME + "/plan",
        {"PUT": (200, lambda h, b, username: h.server.store.set_plan(username, h.fields(b)))},
    ),
    (
        _NAME + "/password",
        {
            "PUT": (
                200,
                lambda h, b, username: h.server.store.set_password(
                    username, str(h.fields(b).get("password") or "")
                ),
            ),
        },
    ),
    (_NAME + "/usage", {"GET": (200, lambda h, b, username: h.server.store.usage(username))}),
    (
        _NAME + "/files(?:/(?P<path>.*))?",
        {
            "GET": (200, lambda h, b, username, path="": h.server.store.read(username, path)),
            "PUT": (201, lambda h, b, username, path="": h.server.store.write(username, path, b)),
            "DELETE": (200, lambda h, b, username, path="": h.server.store.remove(username, path)),
        },
    ),
    (
        _NAME + "/folders",
        {
            "POST": (
                201,
                lambda h, b, username: h.server.store.write(
                    username, str(h.fields(b).get("path") or ""), None
                ),
            )
        },
    ),
)
