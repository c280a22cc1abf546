"""Shared code of the benchmarks: interleaved runs, figures and a temporary panel."""

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
    """Return a figure to print.

    Args:
        name: What was measured.
        backend: Name of the database.
        ours: The panel's median.
        bare: The bare libraries' median; None if the goal is an absolute number.
        unit: Unit of both.
        goal: Maximum ratio, or maximum value.
        absolute: Compare `ours` with the goal instead of the ratio.
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
    """Alternate two measurements and return their medians, so that other load affects both."""
    pairs = [(ours(), bare()) for _ in range(rounds)]
    our_values, bare_values = zip(*pairs, strict=True)
    return statistics.median(our_values), statistics.median(bare_values)


@contextlib.contextmanager
def temporary_panel(database: str | None, modules_dir: Path | None = None) -> Iterator[Settings]:
    """Create a migrated panel with a queue server in a temporary directory.

    Args:
        database: URL of an empty database; by default, SQLite.
        modules_dir: Modules directory; by default, the project's.
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
    """Return the duration of a call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def backend(url: str) -> str:
    """Return the name of the database for figures."""
    return sa.engine.make_url(url).get_backend_name()


def server_seconds(engine: sa.Engine) -> float:
    """Return the CPU seconds that PostgreSQL's processes of this process's connections took."""
    if engine.dialect.name != "postgresql":
        return 0.0
    with engine.connect() as connection:
        pids = connection.scalars(sa.text("SELECT pid FROM pg_stat_activity")).all()
    total = 0.0
    for pid in pids:
        stat = Path(f"/proc/{pid}/schedstat")
        if stat.exists():
            total += int(stat.read_text().split()[0]) / 1e9
    return total
