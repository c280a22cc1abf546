"""A queue server that hangs costs a page one short deadline; Sentinel URLs."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from puqpanel.infra import cache, queue
from puqpanel.infra.queue_connections import DEADLINE_SECONDS
from puqpanel.infra.queue_server import QueueServer, connection_url
from puqpanel.infra.sentinel import parse_sentinel
from puqpanel.infra.settings import Settings, SettingsError


@pytest.fixture
def silent() -> Iterator[str]:
    """URL of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def test_only_the_first_use_waits(silent: str) -> None:
    previous = queue.server_url()
    queue.use_server(silent)
    try:
        started = time.monotonic()
        assert not queue.ping()
        assert time.monotonic() - started < 1.5 * DEADLINE_SECONDS
        started = time.monotonic()
        assert queue.get_hint("x") is None
        assert not queue.send(1, "Module", 60)
        assert cache.get(["a"], "b") is None
        assert not queue.ping()
        assert time.monotonic() - started < DEADLINE_SECONDS / 2
    finally:
        queue.use_server(previous)


def test_a_server_that_goes_on_is_used_again(
    short_folder: Path, keys_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("puqpanel.infra.queue_connections.FAILURE_SECONDS", 0.5)
    previous, instance = queue.server_url(), short_folder / "hung"
    instance.mkdir()
    with QueueServer(instance) as server:
        assert server.process is not None
        queue.use_server(connection_url(instance))
        try:
            assert queue.ping()
            os.kill(server.process.pid, signal.SIGSTOP)
            assert not queue.ping()
            os.kill(server.process.pid, signal.SIGCONT)
            assert not queue.ping()  # remembered
            deadline = time.monotonic() + 10
            while not queue.ping():
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
            queue.use_server(previous)


def test_sentinel_urls() -> None:
    address = parse_sentinel(
        "redis+sentinel://al%40ice:p%2Fa%3Ass%25@one:5000,[2001:db8::1]:26380,two/main"
    )
    assert address.nodes == (("one", 5000), ("2001:db8::1", 26380), ("two", 26379))
    assert (address.service, address.username, address.password) == ("main", "al@ice", "p/a:ss%")
    address = parse_sentinel("redis+sentinel://:secret@[::1]")
    assert (address.nodes, address.service) == ((("::1", 26379),), "mymaster")
    assert (address.username, address.password) == (None, "secret")
    assert parse_sentinel("redis+sentinel://::1/m").nodes == (("::1", 26379),)


@pytest.mark.parametrize("hosts", ["one:port", "one:0", "one:70000", "[::1", "[::1]x", ",one", ""])
def test_an_invalid_sentinel_url_is_refused(hosts: str) -> None:
    with pytest.raises(SettingsError, match="PUQPANEL_REDIS_URL"):
        Settings.load({"PUQPANEL_REDIS_URL": f"redis+sentinel://:x@{hosts}/m"})


def test_a_sentinel_connection_uses_the_address() -> None:
    pool = queue.connect("redis+sentinel://u:p%40w@[::1]:7000/main").connection_pool
    kwargs = pool.sentinel_manager.sentinels[0].connection_pool.connection_kwargs
    assert (kwargs["host"], kwargs["port"], pool.service_name) == ("::1", 7000, "main")
    assert (pool.connection_kwargs["username"], pool.connection_kwargs["password"]) == ("u", "p@w")
