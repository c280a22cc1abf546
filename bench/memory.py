"""Memory of `puqpanel up` at rest: the sum of what its processes use, shared pages once (PSS)."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measure import figure
from bench.running import running

REST_SECONDS = 10
GOAL_MB = 350


def figures(n: int | None, database: str | None) -> Iterator[dict[str, object]]:
    """Measure a new panel on SQLite some seconds after its start, several times.

    Args:
        n: Number of runs; 5 by default.
        database: Ignored, because it would leave the database's own memory out.
    """
    values = [_measure() for _ in range(n or 5)]
    yield figure(
        "memory of `up` at rest (PSS)",
        "sqlite",
        statistics.median(values),
        None,
        "MB",
        GOAL_MB,
        absolute=True,
    )


def _measure() -> float:
    with running() as panel:
        time.sleep(REST_SECONDS)
        tree = list(_tree(panel.pid))
        assert len(tree) >= 8, tree  # up, queue server, web 1 + 2, workers 1 + 2, scheduler
        return sum(map(_pss_mb, tree))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _tree(int(child))


def _pss_mb(pid: int) -> float:
    found = re.search(r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    assert found is not None
    return int(found[1]) / 1024
