"""Connections to the queue server: short deadlines and a memory of failures."""

from __future__ import annotations

import time
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel

from puqpanel.infra.sentinel import SENTINEL, parse_sentinel

DEADLINE_SECONDS = 1.0
"""Time to connect, and time for an answer."""
FAILURE_SECONDS = 5.0
"""Time after a missed deadline during which the server is not contacted again."""


def connect(url: str, **options: Any) -> redis.Redis:
    """Create a connection pool.

    Args:
        url: See `queue.use_server`.
        **options: Further arguments of redis-py's connections.
    """
    if not url.startswith(SENTINEL):
        return redis.Redis.from_url(
            url.replace("valkey", "redis", 1) if url.startswith("valkey") else url, **options
        )
    address = parse_sentinel(url)
    sentinel = Sentinel(
        list(address.nodes),
        sentinel_kwargs={
            "socket_connect_timeout": DEADLINE_SECONDS / 2,
            "socket_timeout": DEADLINE_SECONDS / 2,
            "retry": Retry(NoBackoff(), 0),
        },
    )  # type: ignore[no-untyped-call]
    master: redis.Redis = sentinel.master_for(
        address.service, username=address.username, password=address.password, **options
    )  # type: ignore[no-untyped-call]
    return master


def connect_guarded(url: str) -> redis.Redis:
    """Create a connection pool for pages.

    A server that accepts connections and does not answer costs a page one deadline; after that,
    connections fail at once for FAILURE_SECONDS.
    """
    # One retry replaces a connection that the server closed while it was idle.
    retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
    server = connect(
        url,
        socket_connect_timeout=DEADLINE_SECONDS,
        socket_timeout=DEADLINE_SECONDS,
        retry=retry,
    )
    pool = server.connection_pool
    pool.connection_class = _guarded(pool.connection_class, _Failure())
    return server


class _Failure:
    """The last missed deadline of a pool."""

    def __init__(self) -> None:
        self.until = 0.0

    def note(self) -> None:
        self.until = time.monotonic() + FAILURE_SECONDS

    def check(self) -> None:
        if time.monotonic() < self.until:
            raise redis.TimeoutError("The queue server did not answer a moment ago.")


def _guarded(base: Any, failure: _Failure) -> Any:
    class Guarded(base):  # type: ignore[misc]
        """A connection that remembers missed deadlines."""

        def connect(self) -> Any:
            failure.check()
            return _noting(failure, super().connect)

        def send_packed_command(self, *args: Any, **options: Any) -> Any:
            failure.check()
            return _noting(failure, super().send_packed_command, *args, **options)

        def read_response(self, *args: Any, **options: Any) -> Any:
            return _noting(failure, super().read_response, *args, **options)

    return Guarded


def _noting(failure: _Failure, call: Any, *args: Any, **options: Any) -> Any:
    try:
        return call(*args, **options)
    except (redis.TimeoutError, TimeoutError, MasterNotFoundError):
        failure.note()
        raise
