"""`puqpanel scheduler`: the loop that starts what is due and picks up what was lost."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading

import click
import structlog

from puqpanel.cli.context import load_settings

log = structlog.get_logger(__name__)
EVERY = 5.0
"""Seconds between two rounds: with a lease of 20 s a vanished worker's task is settled well within 90 s."""


@click.command("scheduler")
def command() -> int:
    """Start what is due, and pick up what was lost.

    Several may run, on one host or many: what is due is claimed in the database, so nothing runs twice.
    """
    settings = load_settings()
    from puqpanel.jobs import schedule
    from puqpanel.jobs.entry import HANDLERS
    from puqpanel.live import Live
    from puqpanel.tasks import heartbeat, sweep

    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    live = Live(settings)
    name = f"{socket.gethostname()}-{os.getpid()}-scheduler"
    while not stopping.is_set():
        try:
            app = live.ensure()
            with app.app_context():
                heartbeat.beat("scheduler", name, getattr(app, "generation", 0))
                sweep.sweep(HANDLERS)
                schedule.tick()
        except Exception:  # the database may be away for a while: what was missed is still due in the next round
            log.exception("a round of the scheduler failed")
        stopping.wait(EVERY)
    with contextlib.suppress(Exception), live.ensure().app_context():
        heartbeat.leave(name)
    return 0
