"""The queue server: connections, RQ queues and hints.

Its content can always be restored from the database.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import redis
import rq
import structlog
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import import_attribute

from puqpanel.domain.task_states import QUEUES
from puqpanel.infra import queue_connections

ENTRY = "puqpanel.jobs.entry.run"
"""The function named in each RQ job, as a string, because this layer cannot import it."""

QueueError = redis.RedisError
connect = queue_connections.connect
MAX_JOB_BYTES = 500
"""Maximum size of a job's stored call: a function's name and a number."""
JOB_FIELDS = frozenset({"data", "status", "origin", "timeout", "created_at", "enqueued_at"})
"""The fields of a stored job that are read. Callbacks, webhooks and dependencies are not."""
log = structlog.get_logger(__name__)
_url = ""
_connections: dict[tuple[str, int], redis.Redis] = {}


def use_server(url: str) -> None:
    """Set the URL of the queue server.

    Args:
        url: A redis://, rediss://, unix:// or redis+sentinel://host:port,host:port/service URL.
    """
    global _url
    _url = url


def server_url() -> str:
    """Return the URL of the queue server, including the password."""
    return _url


def connection() -> redis.Redis:
    """Return this process's connection pool.

    An unavailable server does not block pages; see `queue_connections.connect_guarded`.
    """
    key = (_url, os.getpid())
    if key not in _connections:
        _connections[key] = queue_connections.connect_guarded(_url)
    return _connections[key]


class TaskJob(Job):
    """An RQ job that can only run a task.

    Only the task's ID is read from the queue server, so that write access to the server does not
    allow running code in a worker.
    """

    def restore(self, raw_data: Mapping[bytes, bytes]) -> None:
        """Read JOB_FIELDS; an unreadable job gets an empty call, which is not a task."""
        try:
            raw = {key.decode(): value for key, value in raw_data.items()}
            if len(raw["data"]) > MAX_JOB_BYTES:
                raise ValueError("too large for the call of a task")
            super().restore({key: raw[key] for key in JOB_FIELDS & raw.keys()})
        except Exception:  # whatever is stored there
            self.data = b""

    @property
    def func(self) -> Callable[..., Any]:
        """The entry point, whatever function is stored."""
        entry: Callable[..., Any] = import_attribute(ENTRY)
        return entry


def read_task_id(stored: bytes) -> int | None:
    """Return the task ID in a job's stored call; None if the panel did not create the job."""
    if len(stored) > MAX_JOB_BYTES:
        return None
    try:
        with contextlib.suppress(zlib.error):
            stored = zlib.decompress(stored)
        function, instance, args, kwargs = json.loads(stored)
        (task_id,) = args
    except (ValueError, TypeError, RecursionError):
        return None
    if (function, instance, kwargs) != (ENTRY, None, {}) or type(task_id) is not int:
        return None
    return task_id if 0 < task_id < 2**63 else None


def queue(name: str, server: redis.Redis | None = None) -> rq.Queue:
    """Return the RQ queue of a documented queue name; unknown names map to the module queue."""
    rq_name = (name if name in QUEUES else QUEUES[0]).lower()
    return rq.Queue(
        rq_name, connection=server or connection(), serializer=JSONSerializer, job_class=TaskJob
    )


def send(task_id: int, queue_name: str, timeout: int) -> bool:
    """Enqueue a task's id under a new RQ job id.

    Args:
        task_id: Primary key of the task.
        queue_name: Documented name of the queue.
        timeout: RQ's job timeout in seconds.

    Returns:
        False if the queue server is unavailable; the sweeper enqueues it later.
    """
    try:
        queue(queue_name).enqueue_call(
            ENTRY, args=(task_id,), timeout=timeout, result_ttl=0, failure_ttl=60, description=""
        )
    except QueueError as error:
        log.warning("queue server unavailable", task=task_id, error=type(error).__name__)
        return False
    return True


def ping() -> bool:
    """Return whether the queue server responds."""
    try:
        return bool(connection().ping())
    except (QueueError, OSError):
        return False


def get_hint(key: str) -> str | None:
    """Return a value that saves a query, or None if it or the server is unavailable."""
    with contextlib.suppress(QueueError):
        raw = connection().get(f"puqpanel:{key}")
        return raw.decode() if isinstance(raw, bytes) else None
    return None


def put_hint(key: str, value: str) -> None:
    """Store a value that only saves a query; ignore an unavailable server."""
    with contextlib.suppress(QueueError):
        connection().set(f"puqpanel:{key}", value)


def lengths() -> dict[str, int]:
    """Return the number of queued ids by queue name.

    Raises:
        QueueError: The queue server is unavailable.
    """
    return {name: len(queue(name)) for name in QUEUES}
