"""Guzzle's client over real sockets: exceptions, responses and address resolution."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import UserError
from puqpanel.host.context import Context, entered
from puqpanel.infra.db import session
from puqpanel.models import ModuleLog
from puqpanel.sdk import ExternalServiceError, http
from puqpanel.sdk.compat import Client, GuzzleException
from tests.fakes.faults import FaultyServer, Reply, Seen


class Cloud(FaultyServer):
    """Answers what it was asked."""

    def work(self, request: Seen) -> Reply:
        """One answer."""
        if request.path == "/moved":
            return Reply(302, b"", {"Location": "/v2/droplets/7"})
        return Reply.of({"path": request.path, "droplet": {"id": 7}, "password": "hunter2"})


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as server:
        yield server


@pytest.fixture(autouse=True)
def inside(panel: Panel) -> Iterator[None]:
    with entered(Context("Product", "Cloud", task_id=1)):
        yield


def test_guzzle_client(cloud: Cloud) -> None:
    client = Client(
        {
            "base_uri": cloud.url,
            "timeout": 30,
            "connect_timeout": 10,
            "headers": {"Authorization": "Bearer key-secret", "Accept": "application/json"},
        }
    )
    answer: Any = client.request(
        "POST", "/accounts", {"json": {"name": "a", "token": "tok-secret"}}
    )
    assert (answer.getStatusCode(), json.loads(answer.getBody().getContents())["path"]) == (
        200,
        "/accounts",
    )
    assert json.loads(answer.getBody()) == json.loads(answer.get_body().get_contents())
    sent = cloud.seen()[-1]
    assert (sent.method, sent.json, sent.headers["authorization"]) == (
        "POST",
        {"name": "a", "token": "tok-secret"},
        "Bearer key-secret",
    )
    assert cloud.seen()[-1].headers["user-agent"].startswith("puqpanel")
    client.post("form", form_params={"a": "1"}, query={"q": "2"}, headers={"X-One": "1"})
    sent = cloud.seen()[-1]
    assert (sent.path, sent.form, sent.query, sent.headers["x-one"]) == (
        "/form",
        [("a", "1")],
        [("q", "2")],
        "1",
    )
    client.put("/raw", {"body": "text"})
    assert cloud.seen()[-1].body == b"text"
    assert [
        client.get("/g").data["path"],
        client.patch("/p").data["path"],
        client.delete("/d").data["path"],
    ] == ["/g", "/p", "/d"]
    client.get("/v2", auth=["u", "pw-secret"])
    assert cloud.seen()[-1].headers["authorization"].startswith("Basic")
    rows = session().scalars(sa.select(ModuleLog)).all()
    assert len(rows) == 7
    assert not any(
        secret in row.request + row.response
        for row in rows
        for secret in ("hunter2", "tok-secret", "key-secret", "pw-secret")
    )


@pytest.mark.parametrize(
    ("base", "uri", "reached"),
    [
        ("", "{}/x", "/x"),
        ("{}", "/x", "/x"),
        ("{}", "x", "/x"),
        ("{}/v2/", "x", "/v2/x"),
        ("{}/v2", "x", "/x"),
        ("{}/v2/", "/x", "/x"),
        ("http://127.0.0.1:1", "{}/x", "/x"),
        ("{}/v2", "", "/v2"),
    ],
)
def test_addresses_are_resolved_against_base_uri(
    cloud: Cloud, base: str, uri: str, reached: str
) -> None:
    assert (
        Client(base_uri=base.format(cloud.url)).get(uri.format(cloud.url)).data["path"] == reached
    )


@pytest.mark.parametrize("fault", ["400", "404", "429", "500"])
def test_refusals_are_raised(cloud: Cloud, fault: str) -> None:
    cloud.fail(fault, times=2)
    with pytest.raises(GuzzleException) as caught:
        Client(base_uri=cloud.url).get("/x")
    error: Any = caught.value
    assert isinstance(error, ExternalServiceError) and isinstance(error, Exception)
    assert (error.getCode(), error.getMessage(), str(error)) == (
        int(fault),
        f"The provider returned HTTP {fault}.",
        f"The provider returned HTTP {fault}.",
    )
    assert error.hasResponse() and error.getResponse().get_status_code() == int(fault)
    assert Client({"base_uri": cloud.url, "http_errors": False}).get("/x").http_code == int(fault)


def test_missing_response_raises(cloud: Cloud) -> None:
    cloud.fail("drop_after")
    with pytest.raises(GuzzleException) as caught:
        Client(base_uri=cloud.url).post("/x", {"json": {}})
    assert (caught.value.code, caught.value.lost, caught.value.has_response()) == (0, True, False)
    cloud.fail("timeout")
    with pytest.raises(GuzzleException, match="in time"):
        Client(base_uri=cloud.url, timeout=0.2).get("/x")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(GuzzleException, match="Could not connect") as caught:
        Client(timeout=0).post(f"http://127.0.0.1:{port}/x")
    assert not caught.value.lost
    with pytest.raises(GuzzleException):
        Client().get("no address")


def test_redirects(cloud: Cloud) -> None:
    client = Client(base_uri=cloud.url)
    assert client.get("/moved").data["path"] == "/v2/droplets/7"
    assert client.get("/moved", allow_redirects=False).http_code == 302
    assert client.post("/moved").http_code == 302


def test_address_policy(cloud: Cloud) -> None:
    with pytest.raises(GuzzleException, match="not a public address"):
        Client(base_uri=cloud.url, policy=http.public_only()).get("/x")
    assert cloud.seen() == []
    assert Client(base_uri=cloud.url, policy=http.public_only(["127.0.0.1"])).get("/x").ok


def test_unknown_options() -> None:
    with pytest.raises(UserError, match="no option “base_url”; the options are"):
        Client({"base_url": "http://x"})
    with pytest.raises(UserError, match="no option “sink”"):
        Client().get("http://127.0.0.1", {"sink": "/tmp/x"})
