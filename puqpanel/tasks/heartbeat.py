"""Signs of life of workers and the scheduler, kept as rows."""

from __future__ import annotations

import os
import socket
from datetime import timedelta

import sqlalchemy as sa

from puqpanel.infra.clock import now
from puqpanel.infra.db import transaction
from puqpanel.models import Heartbeat

EVERY = 15
"""Seconds between two of them."""
FORGET = 3600
"""Seconds after which a silent process is no longer listed."""


def beat(kind: str, name: str, generation: int = 0) -> None:
    """Says that this process lives.

    Args:
        kind: `worker` or `scheduler`.
        name: unique among processes.
        generation: the set of modules that it runs.
    """
    with transaction() as current:
        row = current.scalar(sa.select(Heartbeat).where(Heartbeat.name == name))
        if row is None:
            row = Heartbeat(
                name=name,
                kind=kind,
                host=socket.gethostname()[:120],
                pid=os.getpid(),
                generation=generation,
                at=now(),
            )
            current.add(row)
        row.at, row.generation, row.pid = now(), generation, os.getpid()


def leave(name: str) -> None:
    """Takes this process off the list when it stops on purpose, and those that have long been
    silent.
    """
    with transaction() as current:
        current.execute(
            sa.delete(Heartbeat).where(
                sa.or_(Heartbeat.name == name, Heartbeat.at < now() - timedelta(seconds=FORGET))
            )
        )
