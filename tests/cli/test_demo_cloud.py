"""The demo cloud over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from puqpanel.cli.demo.cloud import DemoCloud

ACCOUNT = {
    "username": "anna",
    "password": "correct horse",
    "domain": "anna.example",
    "plan": "basic",
    "location": "eu-west",
}


class Cloud:
    """A running demo cloud with a client."""

    def __init__(self, folder: Path) -> None:
        self.server = DemoCloud(folder, "token")
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def __call__(
        self, method: str, path: str, body: Any = None, token: str = "token"
    ) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=5)
        content = body if isinstance(body, bytes) or body is None else json.dumps(body)
        connection.request(method, path, content, {"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        raw = response.read()
        connection.close()
        return response.status, (
            json.loads(raw) if response.headers["Content-Type"] == "application/json" else raw
        )

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.close()


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path)
    yield cloud
    cloud.stop()


def test_the_lifecycle_of_an_account(cloud: Cloud) -> None:
    status, account = cloud("POST", "/accounts", {**ACCOUNT, "disk_space": 20})
    assert status == 201
    assert (
        account.items()
        >= {
            "username": "anna",
            "plan": "basic",
            "state": "active",
            "disk_space": 20,
            "bandwidth": 100,
        }.items()
    )
    assert account["ip_address"].startswith("203.0.113.") and "password" not in account
    assert cloud("GET", "/accounts/anna") == (200, account)
    assert cloud("PUT", "/accounts/anna/suspend")[1]["state"] == "suspended"
    assert cloud("PUT", "/accounts/anna/suspend")[0] == 200
    assert cloud("PUT", "/accounts/anna/unsuspend")[1]["state"] == "active"
    assert (
        cloud("PUT", "/accounts/anna/plan", {"plan": "premium"})[1].items()
        >= {"plan": "premium", "disk_space": 50}.items()
    )
    assert cloud("PUT", "/accounts/anna/password", {"password": "another one"})[0] == 200
    assert cloud("DELETE", "/accounts/anna")[1]["state"] == "deleted"
    assert cloud("GET", "/accounts/anna")[0] == 404
    assert cloud("DELETE", "/accounts/anna")[0] == 404


def test_invalid_requests_are_refused(cloud: Cloud) -> None:
    cloud("POST", "/accounts", ACCOUNT)
    assert cloud("POST", "/accounts", ACCOUNT)[0] == 409
    status, body = cloud(
        "POST",
        "/accounts",
        {
            "username": "A B",
            "password": "short",
            "domain": "no",
            "plan": "basic",
            "bandwidth": "much",
        },
    )
    assert status == 422
    assert set(body["fields"]) == {"username", "password", "domain", "bandwidth"}
    assert cloud("POST", "/accounts", {**ACCOUNT, "plan": "gold"})[0] == 422
    assert cloud("POST", "/accounts", b"[1]")[0] == 422
    assert cloud("POST", "/accounts", b"{")[0] == 422
    assert cloud("PUT", "/accounts/anna/password", {"password": "short"})[0] == 422
    assert cloud("PUT", "/accounts/nobody/suspend")[0] == 404
    assert cloud("GET", "/nowhere")[0] == 404
    assert cloud("PUT", "/plans")[0] == 405
    assert cloud("GET", "/accounts/anna", token="wrong")[0] == 401


def test_files(cloud: Cloud) -> None:
    cloud("POST", "/accounts", ACCOUNT)
    files = "/accounts/anna/files"
    assert [entry["name"] for entry in cloud("GET", files)[1]["entries"]] == [
        "public",
        "readme.txt",
    ]
    assert cloud("POST", "/accounts/anna/folders", {"path": "my photos"})[0] == 201
    assert cloud("POST", "/accounts/anna/folders", {"path": "my photos"})[0] == 409
    assert cloud("PUT", files + "/my%20photos/caf%C3%A9.bin", b"\x00\xff")[1] == {
        "path": "my photos/café.bin",
        "type": "file",
        "size": 2,
    }
    assert cloud("GET", files + "/my%20photos/caf%C3%A9.bin") == (200, b"\x00\xff")
    assert cloud("GET", files + "/my%20photos")[1]["entries"][0]["size"] == 2
    assert cloud("DELETE", files + "/my%20photos")[0] == 409
    assert cloud("DELETE", files + "/my%20photos/caf%C3%A9.bin")[0] == 200
    assert cloud("DELETE", files + "/my%20photos")[0] == 200
    assert cloud("GET", files + "/my%20photos")[0] == 404
    assert cloud("PUT", files + "/no/such/folder", b"x")[0] == 404
    assert cloud("PUT", files + "/../../etc/passwd", b"x")[0] == 422
    assert cloud("PUT", files + "/readme.txt/x", b"x")[0] == 409
    cloud("PUT", "/accounts/anna/suspend")
    assert cloud("GET", files)[0] == 403


def test_usage_is_deterministic(cloud: Cloud) -> None:
    cloud("POST", "/accounts", ACCOUNT)
    cloud("POST", "/accounts", {**ACCOUNT, "username": "bert"})
    status, usage = cloud("GET", "/accounts/anna/usage")
    assert status == 200
    assert len(usage["bandwidth"]) == 30
    assert 0 < usage["disk_bytes"] < usage["disk_limit_bytes"] == 10_000_000_000
    assert cloud("GET", "/accounts/anna/usage")[1] == usage
    assert cloud("GET", "/accounts/bert/usage")[1]["bandwidth"] != usage["bandwidth"]
    store = cloud.server.store
    earlier, later = store.usage("anna", date(2026, 3, 1)), store.usage("anna", date(2026, 3, 2))
    assert earlier["bandwidth"][1:] == later["bandwidth"][:-1]


def test_accounts_survive_a_restart(tmp_path: Path) -> None:
    first = Cloud(tmp_path)
    first("POST", "/accounts", ACCOUNT)
    first.stop()
    second = Cloud(tmp_path)
    assert second("GET", "/accounts/anna")[0] == 200
    second.stop()
