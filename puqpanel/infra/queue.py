"""The queue server: connections, RQ queues, and small keys.

What stands in it can always be made again from the database.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

import redis
import rq
import structlog
from redis.sentinel import Sentinel
from rq.serializers import JSONSerializer

from puqpanel.domain.task_states import QUEUES

ENTRY = "puqpanel.jobs.entry.run"
"""What RQ calls: the one name under which the queue's door is known below it."""

QueueError = redis.RedisError
log = structlog.get_logger(__name__)
_url = ""
_connections: dict[tuple[str, int], redis.Redis] = {}


def use_server(url: str) -> None:
    """Sets where the queue server is: redis://, rediss://, unix:// or
    redis+sentinel://host:port,host:port/service.
    """
    global _url
    _url = url


def server_url() -> str:
    """Where the queue server is, with its password."""
    return _url


def connection() -> redis.Redis:
    """This process's connection pool, short timeouts: a page must not hang on a queue server
    that is away.
    """
    key = (_url, os.getpid())
    if key not in _connections:
        _connections[key] = connect(_url, socket_connect_timeout=2, socket_timeout=5)
    return _connections[key]


def connect(url: str, **options: Any) -> redis.Redis:
    """A new pool for a URL.

    Args:
        url: as for `use_server`.
        options: further arguments of redis-py's connections.
    """
    if url.startswith("redis+sentinel://"):
        rest = url.removeprefix("redis+sentinel://")
        credentials, _, rest = rest.rpartition("@")
        hosts, _, service = rest.partition("/")
        password = credentials.partition(":")[2] or None
        nodes = [
            (host.rpartition(":")[0] or host, int(host.rpartition(":")[2] or 26379))
            for host in hosts.split(",")
        ]
        sentinel = Sentinel(nodes, socket_connect_timeout=2)  # type: ignore[no-untyped-call]
        master: redis.Redis = sentinel.master_for(
            service or "mymaster", password=password, **options
        )  # type: ignore[no-untyped-call]
        return master
    return redis.Redis.from_url(
        url.replace("valkey", "redis", 1) if url.startswith("valkey") else url, **options
    )


def rq_name(queue: str) -> str:
    """The RQ queue behind a documented queue name; a name that nobody listens to goes to the
    module queue.
    """
    return (queue if queue in QUEUES else QUEUES[0]).lower()


def queue(name: str, server: redis.Redis | None = None) -> rq.Queue:
    """An RQ queue that carries task ids as JSON."""
    return rq.Queue(rq_name(name), connection=server or connection(), serializer=JSONSerializer)


def send(task_id: int, queue_name: str, timeout: int) -> bool:
    """Hands a task's id to the workers under a fresh RQ job id.

    Args:
        task_id: the row.
        queue_name: documented queue name.
        timeout: RQ's hard limit in seconds.

    Returns:
        False when the queue server is away; the sweeper sends it later.
    """
    try:
        queue(queue_name).enqueue_call(
            ENTRY, args=(task_id,), timeout=timeout, result_ttl=0, failure_ttl=60, description=""
        )
    except QueueError as error:
        log.warning("queue server away", task=task_id, error=type(error).__name__)
        return False
    return True


def waiting_ids() -> set[int]:
    """The task ids that stand in the queues now.

    Raises:
        QueueError: the queue server is away.
    """
    server = connection()
    found: set[int] = set()
    for name in QUEUES:
        ids = [raw.decode() for raw in server.lrange(queue(name, server).key, 0, -1)]  # type: ignore[union-attr]
        for job in (
            rq.job.Job.fetch_many(ids, connection=server, serializer=JSONSerializer) if ids else ()
        ):
            if job is not None:
                found.add(int(job.args[0]))
    return found


def ping() -> bool:
    """Whether the queue server answers."""
    try:
        return bool(connection().ping())
    except (QueueError, OSError):
        return False


def get_hint(key: str) -> str | None:
    """A small value that saves a query, or None when it is not there or the server is away."""
    with contextlib.suppress(QueueError):
        raw = connection().get(f"puqpanel:{key}")
        return raw.decode() if isinstance(raw, bytes) else None
    return None


def put_hint(key: str, value: str) -> None:
    """Keeps a small value; nothing depends on it."""
    with contextlib.suppress(QueueError):
        connection().set(f"puqpanel:{key}", value)


def lengths() -> dict[str, int]:
    """Queue name → how many ids wait in it.

    Raises:
        QueueError: the queue server is away.
    """
    return {name: len(queue(name)) for name in QUEUES}
