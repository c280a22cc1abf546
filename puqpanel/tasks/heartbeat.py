"""Heartbeats of workers and schedulers, stored as rows."""

from __future__ import annotations

import os
import socket

import sqlalchemy as sa

from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import Heartbeat

EVERY = 15
"""Seconds between heartbeats of a process."""
EXPIRY_SECONDS = 3600
"""Age after which a heartbeat is deleted; also one that is as far in the future."""


@transaction()
def beat(kind: str, name: str, generation: int = 0) -> None:
    """Save a heartbeat of this process.

    Args:
        kind: `worker` or `scheduler`.
        name: Unique name of the process.
        generation: Generation of the modules that it runs.
    """
    row = session().scalar(sa.select(Heartbeat).where(Heartbeat.name == name))
    if row is None:
        row = Heartbeat(name=name, kind=kind, host=socket.gethostname()[:120])
        session().add(row)
    row.at, row.generation, row.pid = now(), generation, os.getpid()


@transaction()
def leave(name: str) -> None:
    """Delete the heartbeat of a process that is stopping, and expired ones."""
    session().execute(
        sa.delete(Heartbeat).where(
            sa.or_(Heartbeat.name == name, ~Heartbeat.is_near(now(), EXPIRY_SECONDS))
        )
    )
