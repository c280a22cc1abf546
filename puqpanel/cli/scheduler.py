"""`puqpanel scheduler`: the loop that starts what is due and picks up what was lost."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time

import click
import structlog

from puqpanel.cli.context import load_settings, ready_to_serve
from puqpanel.host.containment import output_redaction

log = structlog.get_logger(__name__)
EVERY = 1.0
"""Seconds between two looks at what is due; each entry of the schedule has a pace of its own."""
LONGER = 4.0
"""Seconds to wait besides after a round that failed."""


@click.command("scheduler")
def command() -> int:
    """Start what is due, and pick up what was lost.

    Several may run, on one host or many: what is due is claimed in the database, so nothing runs
    twice.
    """
    settings = load_settings()
    ready_to_serve(settings)
    output_redaction.install()
    from puqpanel.jobs import schedule
    from puqpanel.live import Live
    from puqpanel.tasks import heartbeat

    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    live = Live(settings)
    entries = schedule.entries(settings)
    name = f"{socket.gethostname()}-{os.getpid()}-scheduler"
    beat_at = 0.0
    while not stopping.is_set():
        try:
            app = live.ensure()
            with app.app_context():
                if time.monotonic() >= beat_at:
                    heartbeat.beat("scheduler", name, app.generation)
                    beat_at = time.monotonic() + heartbeat.EVERY
                schedule.tick(entries)
        except (
            Exception
        ):  # the database may be away for a while: what was missed is still due in the next round
            log.exception("a round of the scheduler failed")
            stopping.wait(LONGER)
        stopping.wait(EVERY)
    with contextlib.suppress(Exception), live.ensure().app_context():
        heartbeat.leave(name)
    return 0
