"""Memory of `puqpanel up` at rest: the sum of what its processes use, shared pages once (PSS)."""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measure import figure
from puqpanel.infra.settings import ROOT

START_SECONDS, REST_SECONDS = 180, 10
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
    with tempfile.TemporaryDirectory(prefix="pqb-", dir="/tmp") as folder:
        instance, log = Path(folder) / "i", Path(folder) / "log"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PUQPANEL_")}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "puqpanel", "up", "--port", "0", "--instance", instance],
                env={**environment, "PYTHONPATH": str(ROOT), "PUQPANEL_INSTANCE": str(instance)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while b"Press Ctrl+C to stop" not in log.read_bytes():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(log.read_text())
                time.sleep(0.2)
            time.sleep(REST_SECONDS)
            tree = list(_tree(process.pid))
            assert len(tree) >= 8, tree  # up, queue server, web 1 + 2, workers 1 + 2, scheduler
            return sum(map(_pss_mb, tree))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _tree(int(child))


def _pss_mb(pid: int) -> float:
    found = re.search(r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    assert found is not None
    return int(found[1]) / 1024
