"""The demo cloud: a hosting provider with an HTTP API on loopback, using only the standard library.

Requests carry `Authorization: Bearer TOKEN`. Bodies are JSON, except for the content of files.
Errors are `{"error": message, "fields": {name: message}}` with status 401, 403, 404, 405, 409, 413
or 422.

    GET     /plans
    GET     /accounts
    POST    /accounts                          {username, password, domain, plan, location,
                                                disk_space, bandwidth}
    GET     /accounts/{username}
    DELETE  /accounts/{username}
    PUT     /accounts/{username}/suspend
    PUT     /accounts/{username}/unsuspend
    PUT     /accounts/{username}/plan          {plan, disk_space, bandwidth}
    PUT     /accounts/{username}/password      {password}
    GET     /accounts/{username}/usage         disk and bandwidth; bandwidth by day for 30 days
    GET     /accounts/{username}/files/{path}  entries of a folder, or content of a file
    PUT     /accounts/{username}/files/{path}
    DELETE  /accounts/{username}/files/{path}
    POST    /accounts/{username}/folders       {path}

Account sizes are in GB. The files of a suspended account respond with 403.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from puqpanel.cli.demo.accounts import LOCATIONS, MAX_FILE_BYTES, PLANS, Refused, Store
from puqpanel.infra.crypto import write_private

Body = bytes | dict[str, Any]
_ACCOUNT = r"/accounts/(?P<username>[^/]+)"


def token_path(instance: Path) -> Path:
    """Return the path of the file with the API token."""
    return instance / "demo" / "cloud.token"


def cloud_token(instance: Path) -> str:
    """Return the API token of an instance's demo cloud; generate it on first use."""
    path = token_path(instance)
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24) + "\n")
    return path.read_text().strip()


class DemoCloud(ThreadingHTTPServer):
    """HTTP server of the demo cloud; call `serve_forever()`, then `close()`.

    Args:
        state: Directory for the accounts; created if missing.
        token: API token that requests must carry.
        listener: A listening socket; by default, a free port on loopback is used.
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
        """The port it listens on."""
        return int(self.server_address[1])

    def close(self) -> None:
        """Close the socket and the database."""
        self.server_close()
        self.store.close()


class Handler(BaseHTTPRequestHandler):
    """Routes requests and encodes responses as JSON."""

    server: DemoCloud
    protocol_version = "HTTP/1.1"
    server_version = "DemoCloud/1"
    timeout = 30

    def _serve(self) -> None:
        try:
            status, result = self._dispatch()
        except Refused as error:
            status, result = error.status, {"error": str(error)}
            if error.fields:
                result["fields"] = error.fields
        self._respond(status, result)

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def _dispatch(self) -> tuple[int, Body]:
        body = self._body()
        authorization = self.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(authorization, f"Bearer {self.server.token}".encode()):
            raise Refused(401, "The token is missing or invalid.")
        path = urlsplit(self.path).path
        for pattern, methods in ROUTES:
            match = re.fullmatch(pattern, path)
            if match is None:
                continue
            if self.command not in methods:
                raise Refused(405, f"This URL supports {', '.join(methods)}.")
            status, handle = methods[self.command]
            groups = match.groupdict(default="")
            return status, handle(
                self, body, **{name: unquote(value) for name, value in groups.items()}
            )
        raise Refused(404, "URL not found.")

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > MAX_FILE_BYTES:
            self.close_connection = True  # the rest of the request is not read
            raise Refused(413, "The request is too large.")
        return self.rfile.read(int(length))

    def fields(self, body: bytes) -> dict[str, Any]:
        """Parse the body as a JSON object."""
        try:
            data = json.loads(body or b"{}")
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise Refused(422, "The body must be a JSON object.")
        return data

    def _respond(self, status: int, result: Body) -> None:
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
        """Log nothing: the panel's module log records every request."""


Route = tuple[int, Callable[..., Body]]
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
        _ACCOUNT,
        {
            "GET": (200, lambda h, b, username: h.server.store.account(username)),
            "DELETE": (200, lambda h, b, username: h.server.store.delete(username)),
        },
    ),
    (
        _ACCOUNT + "/suspend",
        {"PUT": (200, lambda h, b, username: h.server.store.set_state(username, "suspended"))},
    ),
    (
        _ACCOUNT + "/unsuspend",
        {"PUT": (200, lambda h, b, username: h.server.store.set_state(username, "active"))},
    ),
    (
        _ACCOUNT + "/plan",
        {"PUT": (200, lambda h, b, username: h.server.store.set_plan(username, h.fields(b)))},
    ),
    (
        _ACCOUNT + "/password",
        {
            "PUT": (
                200,
                lambda h, b, username: h.server.store.set_password(
                    username, str(h.fields(b).get("password") or "")
                ),
            ),
        },
    ),
    (_ACCOUNT + "/usage", {"GET": (200, lambda h, b, username: h.server.store.usage(username))}),
    (
        _ACCOUNT + "/files(?:/(?P<path>.*))?",
        {
            "GET": (200, lambda h, b, username, path="": h.server.store.read(username, path)),
            "PUT": (201, lambda h, b, username, path="": h.server.store.write(username, path, b)),
            "DELETE": (200, lambda h, b, username, path="": h.server.store.remove(username, path)),
        },
    ),
    (
        _ACCOUNT + "/folders",
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
