"""What the measurements share: medians of interleaved runs, the figure, and a panel in a
temporary folder to measure.
"""

from __future__ import annotations

import contextlib
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa

from puqpanel.infra import migrate, queue
from puqpanel.infra.db import engine_for
from puqpanel.infra.queue_server import QueueServer, connection_url
from puqpanel.infra.settings import ROOT, Settings
from puqpanel.operations.system import keys

ROUNDS = 5


def figure(
    name: str,
    backend: str,
    ours: float,
    bare: float | None,
    unit: str,
    goal: float,
    *,
    absolute: bool = False,
) -> dict[str, object]:
    """One figure as it is printed.

    Args:
        name: what was measured.
        backend: database it was measured on.
        ours: the panel's median.
        bare: the bare stack's median, None where the goal is an absolute number.
        unit: of both.
        goal: the largest ratio (or number) that is good.
        absolute: compare `ours` with the goal.
    """
    ratio = round(ours / bare, 3) if bare else None
    return {
        "name": name,
        "backend": backend,
        "ours": round(ours, 4),
        "bare": round(bare, 4) if bare is not None else None,
        "unit": unit,
        "ratio": ratio,
        "goal": goal,
        "met": (ours if absolute or ratio is None else ratio) <= goal,
    }


def interleaved(
    ours: Callable[[], float], bare: Callable[[], float], rounds: int = ROUNDS
) -> tuple[float, float]:
    """The medians of two measurements taken in turns, so that a slow moment of the machine meets
    both.

    Each callable returns what it measured, in the same unit.
    """
    pairs = [(ours(), bare()) for _ in range(rounds)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(
        pair[1] for pair in pairs
    )


@contextlib.contextmanager
def a_panel(database: str | None, modules_dir: Path | None = None) -> Iterator[Settings]:
    """A migrated panel with a queue server, under a temporary folder; gone afterwards.

    Args:
        database: URL of an empty database; SQLite in the folder unless given.
        modules_dir: the project's own unless given.
    """
    folder = Path(tempfile.mkdtemp(prefix="pqb-", dir="/tmp"))
    url = database or f"sqlite:///{folder / 'panel.db'}"
    try:
        with QueueServer(folder):
            settings = Settings(
                instance=folder,
                modules_dir=modules_dir or ROOT / "modules",
                database_url=url,
                redis_url=connection_url(folder),
            )
            keys.open_keys(settings.keys_dir, url)
            migrate.upgrade(engine_for(url))
            keys.plant_canary(url)
            queue.use_server(settings.redis_url)
            yield settings
            if database:
                migrate.downgrade(engine_for(url), migrate.PANEL)
    finally:
        engine_for(url).dispose()
        shutil.rmtree(folder, ignore_errors=True)


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def backend(url: str) -> str:
    """The database's name in figures."""
    return sa.engine.make_url(url).get_backend_name()
