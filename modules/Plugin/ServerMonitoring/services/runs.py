"""The work of the schedule: claims what is due, looks at many at once, and keeps what was found.

A check is claimed by moving its `next_at` on, if it still is what was read: two runs at once make
no check twice. Threads do the network and nothing else. A check is claimed only when a thread is
free for it, so its time begins when it is sent. What was down or slow the last time goes to a lane
of its own: many of those wait for each other, and hold up nobody else.
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
from .probes import TIMEOUT, Finding, Job, late, look
from .record import Found, record

BUDGET = 240.0
"""Seconds after which a run claims nothing more; its task has 300."""
EARLY = timedelta(seconds=15)
"""What is due within half the time to the next run is done now."""
SPARE = 5
"""Seconds between the end of a look and the next claim, at least."""
GRACE = 1.5
QUICK, SLOW = 32, 16


class Lane:
    """Threads that look, and what they are at.

    `held` are threads that did not come back in time; their checks are settled already.
    """

    def __init__(self, size: int, *, slow: bool) -> None:
        self.size, self.slow = size, slow
        self.pool = ThreadPoolExecutor(size, thread_name_prefix="check")
        self.busy: dict[Future[Finding], tuple[Job, float, datetime]] = {}
        self.held: set[Future[Finding]] = set()
        self.empty_until = 0.0

    def fill(self, allowed: tuple[str, ...]) -> None:
        """Claims as many checks as there are free threads, and sends them."""
        self.held = {one for one in self.held if not one.done()}
        free = self.size - len(self.busy) - len(self.held)
        if free < 1 or time.monotonic() < self.empty_until:
            return
        jobs = claim(free, slow=self.slow)
        if not jobs:
            self.empty_until = time.monotonic() + 1
        for job in jobs:
            sent = self.pool.submit(look, replace(job, allowed=allowed))
            self.busy[sent] = (job, time.monotonic() + job.timeout + GRACE, now())

    def take(self) -> list[Found]:
        """What has been found since the last time, and what has not within its time."""
        found: list[Found] = []
        for sent, (job, ends, at) in list(self.busy.items()):
            if sent.done():
                found.append((job, sent.result(), at))
            elif time.monotonic() > ends:
                self.held.add(sent)
                found.append((job, Finding(False, round(job.timeout * 1000), late(job)), at))
            else:
                continue
            del self.busy[sent]
        return found


def run() -> dict[str, int]:
    """One run: all that is due, and what becomes due meanwhile.

    Answers how many were up, down, neither, and dropped.
    """
    done = {"up": 0, "down": 0, "unable": 0, "dropped": 0}
    until = time.monotonic() + BUDGET
    allowed = settings.current().allowed
    lanes = (Lane(QUICK, slow=False), Lane(SLOW, slow=True))
    try:
        while True:
            if time.monotonic() < until:
                for lane in lanes:
                    lane.fill(allowed)
            waiting = [sent for lane in lanes for sent in lane.busy]
            if not waiting:
                return done
            wait(waiting, timeout=0.25)
            for kind, count in record([found for lane in lanes for found in lane.take()]).items():
                done[kind] += count
    finally:
        for lane in lanes:
            lane.pool.shutdown(wait=False, cancel_futures=True)


def claim(most: int, *, slow: bool = False) -> list[Job]:
    """Takes checks that are due, the longest overdue first; nobody else gets those."""
    moment = now()
    columns = Check.id, Check.type, Check.target, Check.config, Check.interval, Check.next_at
    due = (
        sa.select(*columns)
        .where(Check.active, Check.slow == slow, Check.next_at <= moment + EARLY)
        .order_by(Check.next_at, Check.id)
        .limit(most)
    )
    rows = db.session.execute(due).all()
    if not rows:
        db.session.rollback()  # ends the read, so that what is due later is seen
        return []
    jobs = []
    with db.transaction() as session:
        for row in sorted(rows, key=lambda one: one.id):
            timeout = int(row.config.get("timeout") or TIMEOUT)
            taken: sa.CursorResult[tuple[()]] = session.execute(  # type: ignore[assignment]
                sa.update(Check)
                .where(Check.id == row.id, Check.next_at == row.next_at, Check.active)
                .values(next_at=_next(row.next_at, moment, row.interval, timeout))
                .execution_options(synchronize_session=False)
            )
            if taken.rowcount == 1:
                jobs.append(Job(row.id, row.type, row.target, row.config))
    return jobs


def _next(due: datetime, moment: datetime, interval: int, timeout: int) -> datetime:
    """When it is due again: on its own beat, or from now on where it fell behind; never before
    this look is over.
    """
    beat = due + timedelta(seconds=interval)
    if beat <= moment + EARLY:
        beat = moment + timedelta(seconds=interval)
    return max(beat, moment + timedelta(seconds=timeout + SPARE))
