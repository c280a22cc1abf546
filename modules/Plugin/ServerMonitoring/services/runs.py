"""Run the checks that are due, many at once.

A run claims a check by moving its `next_at` forward if it still has the value that was read, so
concurrent runs never make a check twice. Threads do the network only. A check is claimed when a
thread is free for it, so its time starts when it is submitted. Checks that were down or slow last
time run in a pool of their own, where they delay only each other.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from puqpanel.sdk import db, now

from ..models import settings
from ..models.checks import Check
from .probes import TIMEOUT_SECONDS, Probe, ProbeResult, run_probe, timeout_reason
from .recording import CompletedProbe, record

# A run claims no more checks after this time; its task may take 300 seconds.
CLAIM_SECONDS = 240.0
# Checks due within half the interval of the schedule are made now.
CLAIM_AHEAD = timedelta(seconds=15)
# A check that waits longer than its interval and this is due.
CLOCK_MARGIN = timedelta(minutes=10)
# The least time between the end of a probe and the next claim of its check.
MIN_PAUSE_SECONDS = 5
# How long after its timeout a probe may still return a result.
GRACE_SECONDS = 1.5
# After finding nothing due, a pool does not look again for this time.
IDLE_SECONDS = 1.0
FAST_THREADS, SLOW_THREADS = 32, 16


class Pool:
    """Threads for fast or for slow checks, and the probes they run.

    `overdue` holds probes that did not return in time; their checks are recorded already, but
    their threads are still busy.
    """

    def __init__(self, size: int, *, slow: bool) -> None:
        self.size, self.slow = size, slow
        self.executor = ThreadPoolExecutor(size, thread_name_prefix="check")
        self.running: dict[Future[ProbeResult], tuple[Probe, float, datetime]] = {}
        self.overdue: set[Future[ProbeResult]] = set()
        self.idle_until = 0.0

    def submit_due(self, allowed: tuple[str, ...]) -> None:
        """Claim as many checks as there are free threads, and submit them."""
        self.overdue = {future for future in self.overdue if not future.done()}
        free = self.size - len(self.running) - len(self.overdue)
        if free < 1 or time.monotonic() < self.idle_until:
            return
        probes = claim(free, slow=self.slow)
        if not probes:
            self.idle_until = time.monotonic() + IDLE_SECONDS
        for probe in probes:
            future = self.executor.submit(run_probe, replace(probe, allowed=allowed))
            deadline = time.monotonic() + probe.timeout_seconds + GRACE_SECONDS
            self.running[future] = (probe, deadline, now())

    def collect(self) -> list[CompletedProbe]:
        """Return the probes that have completed or timed out since the last call."""
        completed: list[CompletedProbe] = []
        for future, (probe, deadline, at) in list(self.running.items()):
            if future.done():
                completed.append((probe, future.result(), at))
            elif time.monotonic() > deadline:
                self.overdue.add(future)
                milliseconds = round(probe.timeout_seconds * 1000)
                result = ProbeResult(False, milliseconds, timeout_reason(probe))
                completed.append((probe, result, at))
            else:
                continue
            del self.running[future]
        return completed


def run() -> dict[str, int]:
    """Run all checks that are due or become due meanwhile.

    Returns:
        How many were up, down, unable and dropped.
    """
    _pull_back(now())
    counts = {"up": 0, "down": 0, "unable": 0, "dropped": 0}
    claim_until = time.monotonic() + CLAIM_SECONDS
    allowed = settings.current().allowed
    pools = (Pool(FAST_THREADS, slow=False), Pool(SLOW_THREADS, slow=True))
    try:
        while True:
            if time.monotonic() < claim_until:
                for pool in pools:
                    pool.submit_due(allowed)
            running = [future for pool in pools for future in pool.running]
            if not running:
                return counts
            wait(running, timeout=0.25)
            completed = [probe for pool in pools for probe in pool.collect()]
            for outcome, count in record(completed).items():
                counts[outcome] += count
    finally:
        for pool in pools:
            pool.executor.shutdown(wait=False, cancel_futures=True)


def claim(limit: int, *, slow: bool = False) -> list[Probe]:
    """Claim checks that are due, the longest overdue first; no other run gets them."""
    claimed_at = now()
    query = (
        sa.select(Check.id, Check.type, Check.target, Check.config, Check.interval, Check.next_at)
        .where(Check.active, Check.slow == slow, Check.next_at <= claimed_at + CLAIM_AHEAD)
        .order_by(Check.next_at, Check.id)
        .limit(limit)
    )
    rows = db.session.execute(query).all()
    if not rows:
        db.session.rollback()  # end the read transaction, so that later reads see new rows
        return []
    probes = []
    with db.transaction() as session:
        for row in sorted(rows, key=lambda row: row.id):
            timeout = int(row.config.get("timeout") or TIMEOUT_SECONDS)
            updated: sa.CursorResult[tuple[()]] = session.execute(  # type: ignore[assignment]
                sa.update(Check)
                .where(Check.id == row.id, Check.next_at == row.next_at, Check.active)
                .values(next_at=_next_at(row.next_at, claimed_at, row.interval, timeout))
                .execution_options(synchronize_session=False)
            )
            if updated.rowcount == 1:
                probes.append(Probe(row.id, row.type, row.target, row.config))
    return probes


def _pull_back(moment: datetime) -> None:
    """Make checks due that wait longer than their interval: the clock was ahead."""
    for interval in db.session.scalars(sa.select(Check.interval).distinct()).all():
        latest = moment + timedelta(seconds=interval) + CLOCK_MARGIN
        late = (Check.active, Check.interval == interval, Check.next_at > latest)
        if db.session.scalar(sa.select(Check.id).where(*late).limit(1)):
            with db.transaction() as session:
                session.execute(
                    sa.update(Check)
                    .where(*late)
                    .values(next_at=moment)
                    .execution_options(synchronize_session=False)
                )
    db.session.rollback()  # end the read transaction


def _next_at(due_at: datetime, claimed_at: datetime, interval: int, timeout: int) -> datetime:
    """Return when a check is due again.

    That is one interval after it was due, or after now if that is past; and never before the
    present probe has ended.
    """
    next_at = due_at + timedelta(seconds=interval)
    if next_at <= claimed_at + CLAIM_AHEAD:
        next_at = claimed_at + timedelta(seconds=interval)
    return max(next_at, claimed_at + timedelta(seconds=timeout + MIN_PAUSE_SECONDS))
