"""Measure queries by the instructions of SQLite, which other load does not change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from puqpanel.infra.db import session


def instructions(call: Callable[[], object]) -> int:
    """Return how many hundred instructions a call takes."""
    raw: Any = session().connection().connection.dbapi_connection
    counted = [0]

    def count() -> None:
        counted[0] += 1

    raw.set_progress_handler(count, 100)
    call()
    raw.set_progress_handler(None, 100)
    return counted[0]
