"""The faults of the fake servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.fakes.faults import FaultyServer, Reply, Seen


class Counter(FaultyServer):
    """Server that counts its work."""

    def __init__(self) -> None:
        super().__init__()
        self.done = 0

    def work(self, request: Seen) -> Reply:
        """Count a request."""
        self.done += 1
        return Reply.of({"done": self.done})


@pytest.fixture
def server() -> Iterator[Counter]:
    """A running server."""
    with Counter() as counter:
        yield counter


def post(server: FaultyServer, path: str = "/x") -> requests.Response:
    """Post a form."""
    return requests.post(server.url + path, data={"a": "1", "b": ""}, timeout=0.4)


def test_requests_are_answered_and_recorded(server: Counter) -> None:
    assert post(server, "/users/Anna%20B?q=1").json() == {"done": 1}
    seen = server.seen("POST", "/users")[0]
    assert (seen.path, seen.query, seen.form, seen.field("a")) == (
        "/users/Anna B",
        [("q", "1")],
        [("a", "1"), ("b", "")],
        "1",
    )


@pytest.mark.parametrize("kind", ["500", "502", "503", "404", "301"])
def test_a_status_fault_skips_the_work(server: Counter, kind: str) -> None:
    server.fail(kind)
    assert (
        requests.post(server.url, allow_redirects=False, timeout=0.4).status_code,
        server.done,
    ) == (int(kind), 0)
    assert post(server).json() == {"done": 1}


def test_500_after_does_the_work_first(server: Counter) -> None:
    server.fail("500_after")
    assert (post(server).status_code, server.done) == (500, 1)


def test_429_sends_retry_after(server: Counter) -> None:
    server.fail("429", after=7)
    answer = post(server)
    assert (answer.status_code, answer.headers["Retry-After"], server.done) == (429, "7", 0)


@pytest.mark.parametrize(("kind", "done"), [("drop", 0), ("drop_after", 1)])
def test_dropped_connections(server: Counter, kind: str, done: int) -> None:
    server.fail(kind)
    with pytest.raises(requests.ConnectionError):
        post(server)
    assert server.done == done


@pytest.mark.parametrize(("kind", "done"), [("timeout", 0), ("timeout_after", 1)])
def test_timeouts(server: Counter, kind: str, done: int) -> None:
    server.fail(kind)
    with pytest.raises(requests.Timeout):
        post(server)
    assert server.done == done


def test_garbage_and_empty_responses(server: Counter) -> None:
    server.fail("garbage")
    server.fail("empty")
    with pytest.raises(requests.JSONDecodeError):
        post(server).json()
    assert (post(server).content, server.done) == (b"", 1)


def test_a_fault_applies_only_to_matching_requests(server: Counter) -> None:
    server.fail("500", method="POST", path="/users$", times=2)
    codes = [post(server, path).status_code for path in ("/groups", "/users", "/users", "/users")]
    assert codes == [200, 500, 500, 200]
    server.fail("500")
    server.heal()
    assert post(server).status_code == 200


def test_an_unknown_fault_is_rejected(server: Counter) -> None:
    with pytest.raises(ValueError, match="no fault"):
        server.fail("sulk")
