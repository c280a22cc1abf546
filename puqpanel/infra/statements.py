"""Counts and times the statements of a request or task, for developers."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event

FRAMES = ("BEGIN", "PRAGMA")


@dataclass
class Tally:
    """Statements since `start`.

    Args:
        number: How many, without BEGIN and PRAGMA.
        seconds: Time until the database had executed them.
    """

    number: int = 0
    seconds: float = 0.0
    began: float = 0.0


_tally: ContextVar[Tally | None] = ContextVar("tally", default=None)


def start() -> Tally:
    """Start counting statements in this context, and return the running tally."""
    if not event.contains(Engine, "before_cursor_execute", _before):
        event.listen(Engine, "before_cursor_execute", _before)
        event.listen(Engine, "after_cursor_execute", _after)
    tally = Tally()
    _tally.set(tally)
    return tally


def _before(*_: Any) -> None:
    if tally := _tally.get():
        tally.began = time.perf_counter()


def _after(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    if (tally := _tally.get()) and not statement.startswith(FRAMES):
        tally.number += 1
        tally.seconds += time.perf_counter() - tally.began
