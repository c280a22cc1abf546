"""Batches of scheduled jobs: a row that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVarTuple

import structlog

log = structlog.get_logger(__name__)
Values = TypeVarTuple("Values")


def carry_out(action: Callable[[*Values], int], rows: Iterable[tuple[*Values]]) -> int:
    """Call a function with the values of each row, and return the sum of its results.

    Args:
        action: does its work in a transaction of its own. What it raises is logged, and the row is
            left for the next run.
        rows: the arguments of each call.
    """
    done = 0
    for values in rows:
        try:
            done += action(*values)
        except Exception:
            log.exception(
                "a row of a scheduled job failed", function=action.__qualname__, row=values
            )
    return done
