"""Builds the app in a parent process, so that the processes forked from it share its memory."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Collection
from typing import TYPE_CHECKING

import structlog

from puqpanel.host.containment import crash_markers
from puqpanel.infra.db import adopt_engines, dispose_engines
from puqpanel.infra.processes import die_with_parent
from puqpanel.operations.modules import crashes

if TYPE_CHECKING:
    from puqpanel.live import Live

log = structlog.get_logger(__name__)
BUILT = 42
"""Exit code of a trial that went well; a module that exits the process uses another."""
THREAD_SECONDS = 1.0
"""Time that threads have to end; the rate limits start one that ends at once."""


def build(live: Live) -> bool:
    """Build the app, unless it fails, ends the process or leaves threads running.

    A fork tries it first: a module may crash whatever loads it, and threads do not survive a fork.
    Without the app, each process builds its own, and a crash is counted against the module.

    Returns:
        Whether the app is built.
    """
    if live.pages:
        import puqpanel.web.register  # noqa: F401 - here, rather than in the fork and again later
    if not _try(live):
        log.warning("each process builds the app itself, because it cannot be shared")
        return False
    threads = threading.enumerate()
    try:
        live.ensure()
    except Exception:
        log.exception("app could not be built")
    _wait_for_others(threads)
    dispose_engines()
    return live.app is not None


def _try(live: Live) -> bool:
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            die_with_parent(parent, signal.SIGKILL)
            threads = threading.enumerate()
            live.ensure()
            code = BUILT if _wait_for_others(threads) else 1
        except Exception:
            log.exception("app could not be built")
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) == BUILT


def _wait_for_others(threads: Collection[threading.Thread]) -> bool:
    """Wait until only these threads run, or for a while; return whether it is so."""
    until = time.monotonic() + THREAD_SECONDS
    for thread in set(threading.enumerate()).difference(threads):
        thread.join(max(0.0, until - time.monotonic()))
    return set(threading.enumerate()) <= set(threads)


def adopt(live: Live) -> None:
    """Take over the parent's app after a fork."""
    adopt_engines()
    live.after_fork()
    crash_markers.open_marker(crashes.folder(live.settings.instance))
