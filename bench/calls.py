"""CPU overhead of calling a module's method through the host."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa
import structlog

from bench.measure import backend, figure, interleaved, temporary_panel
from puqpanel.app import create_app
from puqpanel.host import calls
from puqpanel.infra.db import engine_for
from puqpanel.models import Module

MODULE = '''"""A module with one method."""
from puqpanel.sdk import Plugin


class Called(Plugin):
    def answer(self, number):
        return {"status": "success", "data": {"number": number}}
'''
CONFIG = """CONFIG = {
    "name": "Called",
    "version": "1.0.0",
    "description": "",
    "author": "",
    "icon": "fas fa-cube",
}
"""
GOAL_MICROSECONDS = 50


def figures(n: int | None, database: str | None) -> Iterator[dict[str, object]]:
    """Measure calls outside a task, as pages make them.

    Args:
        n: Calls per run; 2,000 by default.
        database: URL of an empty database; by default, SQLite.
    """
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    count = n or 2000
    with (
        tempfile.TemporaryDirectory(prefix="pqb-") as folder,
        temporary_panel(database, Path(folder)) as settings,
    ):
        module = Path(folder) / "Plugin" / "Called"
        module.mkdir(parents=True)
        (module / "Called.py").write_text(MODULE)
        (module / "config.py").write_text(CONFIG)
        row = {"type": "Plugin", "name": "Called", "version": "1.0.0", "status": "active"}
        with (
            engine_for(settings.database_url)
            .connect()
            .execution_options(panel_write=True) as connection,
            connection.begin(),
        ):
            connection.execute(sa.insert(Module), [{**row, "reason": ""}])
        app = create_app(settings)
        loaded = app.registry.modules["Plugin/Called"]
        bare = loaded.cls()
        with app.app_context():
            call = calls.Call(loaded, "answer", (1,))
            called = calls.invoke(call)
            assert called.ok and called.value == bare.answer(1), called
            ours_seconds, bare_seconds = interleaved(
                lambda: _each(lambda: calls.invoke(call), count),
                lambda: _each(lambda: bare.answer(1), count),
            )
        yield figure(
            "call of a module, over the bare method",
            backend(settings.database_url),
            (ours_seconds - bare_seconds) * 1e6,
            None,
            "µs",
            GOAL_MICROSECONDS,
            absolute=True,
        )


def _each(call: Callable[[], object], count: int) -> float:
    started = time.process_time()
    for _ in range(count):
        call()
    return (time.process_time() - started) / count
