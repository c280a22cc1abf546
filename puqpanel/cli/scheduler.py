"""`puqpanel scheduler`: the loop that runs scheduled jobs and recovers lost tasks."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

import click
import structlog

from puqpanel.cli.context import load_settings, prepare_server

if TYPE_CHECKING:
    from puqpanel.live import Live

log = structlog.get_logger(__name__)
TICK_SECONDS = 1.0
"""Interval between checks for due jobs; each job has an interval of its own."""
ERROR_DELAY_SECONDS = 4.0
"""Additional delay after a failed tick."""
CRASH_SECONDS = 5.0
"""Interval between searches for crash markers."""


def _watch_crashes(live: Live, stopping: threading.Event) -> None:
    """Count the crashes of this host's processes.

    Only a process of the same host can read their markers, so this is not a task. It has a thread
    of its own, because it may import a module for a test.
    """
    from puqpanel.operations.modules import loading

    while not stopping.wait(CRASH_SECONDS):
        try:
            with live.held() as app, app.app_context():
                loading.count_crashes(live.settings.modules_dir, live.settings.instance)
        except Exception:
            log.exception("crashes could not be counted")


@click.command("scheduler")
def command() -> None:
    """Run scheduled jobs and recover lost tasks.

    You can run several schedulers on any number of hosts: each due job is claimed in the database
    and runs once.
    """
    settings = load_settings()
    prepare_server(settings)
    from puqpanel.live import Live

    run(Live(settings, pages=False))


def run(live: Live) -> None:
    """Run the scheduler until SIGINT or SIGTERM, with an app that may have no pages."""
    from puqpanel.jobs import schedule
    from puqpanel.tasks import heartbeat

    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    entries = schedule.entries()
    threading.Thread(target=_watch_crashes, args=(live, stopping), daemon=True).start()
    name = f"{socket.gethostname()}-{os.getpid()}-scheduler"
    next_beat = 0.0
    while not stopping.is_set():
        try:
            app = live.ensure()
            with app.app_context():
                if time.monotonic() >= next_beat:
                    heartbeat.beat("scheduler", name, app.generation)
                    next_beat = time.monotonic() + heartbeat.EVERY
                schedule.tick(entries)
        except Exception:
            # The database may be unavailable for a while. Due jobs stay due until the next tick.
            log.exception("scheduler tick failed")
            stopping.wait(ERROR_DELAY_SECONDS)
        stopping.wait(TICK_SECONDS)
    with contextlib.suppress(Exception), live.ensure().app_context():
        heartbeat.leave(name)
