"""The demo cloud: a hosting provider with an HTTP API on loopback.

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
import secrets
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from puqpanel.cli.demo.accounts import LOCATIONS, PLANS, Refused, Store
from puqpanel.infra.private_files import write_private

MAX_FILE_BYTES = 5_000_000


def token_path(instance: Path) -> Path:
    """Return the path of the file with the API token."""
    return instance / "demo" / "cloud.token"


def cloud_token(instance: Path) -> str:
    """Return the API token of an instance's demo cloud; generate it on first use."""
    path = token_path(instance)
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24) + "\n")
    return path.read_text().strip()


class DemoCloud(ThreadedWSGIServer):
    """HTTP server of the demo cloud; call `serve_forever()`, then `close()`.

    Args:
        state: Directory for the accounts; created if missing.
        token: API token that requests must carry.
        port: Port on loopback; 0 picks a free one.
        fd: File descriptor of a listening socket to use instead.
    """

    def __init__(self, state: Path, token: str, *, port: int = 0, fd: int | None = None) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.store = Store(state / "demo-cloud.db")
        super().__init__("127.0.0.1", port, create_app(self.store, token), _Handler, fd=fd)

    def close(self) -> None:
        """Close the socket and the database."""
        self.server_close()
        self.store.close()


class _Handler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: the panel's module log records every request."""


def create_app(store: Store, token: str) -> Flask:
    """Return the HTTP API for a database of accounts."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_FILE_BYTES

    @app.before_request
    def check_token() -> None:
        authorization = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(authorization, f"Bearer {token}".encode()):
            raise Refused(401, "The token is missing or invalid.")

    @app.errorhandler(HTTPException)
    def show_error(error: HTTPException) -> tuple[dict[str, Any], int]:
        fields = getattr(error, "fields", None)
        body = {"error": error.description, **({"fields": fields} if fields else {})}
        return body, error.code or 500

    @app.get("/plans")
    def plans() -> dict[str, Any]:
        return {"plans": PLANS, "locations": LOCATIONS}

    @app.get("/accounts")
    def accounts() -> dict[str, Any]:
        return {"accounts": store.accounts()}

    @app.post("/accounts")
    def create() -> tuple[dict[str, Any], int]:
        return store.create(_fields()), 201

    @app.get("/accounts/<username>")
    def account(username: str) -> dict[str, Any]:
        return store.account(username)

    @app.delete("/accounts/<username>")
    def delete(username: str) -> dict[str, Any]:
        return store.delete(username)

    @app.put("/accounts/<username>/suspend")
    def suspend(username: str) -> dict[str, Any]:
        return store.set_state(username, "suspended")

    @app.put("/accounts/<username>/unsuspend")
    def unsuspend(username: str) -> dict[str, Any]:
        return store.set_state(username, "active")

    @app.put("/accounts/<username>/plan")
    def set_plan(username: str) -> dict[str, Any]:
        return store.set_plan(username, _fields())

    @app.put("/accounts/<username>/password")
    def set_password(username: str) -> dict[str, Any]:
        return store.set_password(username, _fields())

    @app.get("/accounts/<username>/usage")
    def usage(username: str) -> dict[str, Any]:
        return store.usage(username)

    @app.get("/accounts/<username>/files/", defaults={"path": ""}, strict_slashes=False)
    @app.get("/accounts/<username>/files/<path:path>")
    def read(username: str, path: str) -> dict[str, Any] | Response:
        content = store.read(username, path)
        if isinstance(content, dict):
            return content
        return Response(content, mimetype="application/octet-stream")

    @app.put("/accounts/<username>/files/<path:path>")
    def write(username: str, path: str) -> tuple[dict[str, Any], int]:
        return store.write(username, path, request.get_data()), 201

    @app.delete("/accounts/<username>/files/<path:path>")
    def remove(username: str, path: str) -> dict[str, Any]:
        return store.remove(username, path)

    @app.post("/accounts/<username>/folders")
    def create_folder(username: str) -> tuple[dict[str, Any], int]:
        return store.write(username, str(_fields().get("path") or ""), None), 201

    return app


def _fields() -> dict[str, Any]:
    """Return the JSON object in the body of the request."""
    data = request.get_json(force=True, silent=True)
    if not isinstance(data, dict):
        raise Refused(422, "The body must be a JSON object.")
    return data
