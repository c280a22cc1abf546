"""The bare side of `bench tasks`: RQ's own worker in a process that imports only RQ and SQLAlchemy.

Each job makes one committed UPDATE. The engine is warmed before the first fork, so that a child
compiles nothing, and its SQLite connections have the panel's settings.
"""

from __future__ import annotations

import json
import os
import resource
import time
import uuid
from typing import Any

import redis
import rq
import sqlalchemy as sa
from rq.serializers import JSONSerializer
from rq.worker import Worker

SETTINGS = sa.table("settings", sa.column("name"), sa.column("value"))
engine = sa.create_engine(os.environ.get("BENCH_DATABASE", "sqlite://"))
if engine.dialect.name == "sqlite":

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        for pragma in ("busy_timeout=15000", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}")


def job(number: int) -> None:
    """Run one committed UPDATE."""
    with engine.begin() as connection:
        connection.execute(
            sa.update(SETTINGS).where(SETTINGS.c.name == "bench").values(value=str(number))
        )


def cpu() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main(address: str, count: int) -> None:
    """Run the jobs, and print elapsed and CPU seconds and the last number written, as JSON.

    Args:
        address: URL of the queue server.
        count: Number of jobs.
    """
    server = redis.Redis.from_url(address)
    queue = rq.Queue("bare", connection=server, serializer=JSONSerializer)
    for number in range(1, count + 1):
        queue.enqueue_call("bare_task.job", args=(number,), result_ttl=0)
    worker = Worker(
        [queue],
        name=uuid.uuid4().hex,
        connection=server,
        serializer=JSONSerializer,
        log_job_description=False,
        default_result_ttl=0,
    )
    job(0)
    engine.dispose()
    started, used = time.perf_counter(), cpu()
    worker.work(burst=True, logging_level="ERROR")
    elapsed, used = time.perf_counter() - started, cpu() - used
    with engine.connect() as connection:
        last = connection.scalar(sa.select(SETTINGS.c.value).where(SETTINGS.c.name == "bench"))
    print(json.dumps([elapsed, used, int(last or 0)]))
