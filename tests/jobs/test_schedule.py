"""The schedule of the panel: recovery of lost tasks, and maintenance as tasks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.jobs import schedule
from puqpanel.jobs.entry import HANDLERS
from puqpanel.live import Live
from puqpanel.models import ScheduleEntry, Task
from puqpanel.operations.oversight import maintenance, tasks
from puqpanel.operations.oversight import schedule as oversight
from puqpanel.tasks import add, claim, fence, sweep
from puqpanel.tasks import run as engine


def test_scheduler_waits_for_lease_renewals_after_a_gap(
    panel: Panel,
) -> None:
    entries = [each for each in schedule.entries() if "lost" in each.name]
    schedule.tick(entries)
    task = add.add(job="ModuleJob")
    assert claim.claim(task.id, "alive") is not None
    with transaction() as current:
        current.execute(sa.update(Task).values(lease_until=now() - timedelta(seconds=1)))
    # the database was away: no round since, and no lease renewed
    entries[0].due = time.monotonic() - fence.LEASE_SECONDS
    assert schedule.tick(entries) == 0
    release()
    assert session().scalar(sa.select(Task.status)) == "running" and claim.renew(task.id, "alive")
    assert entries[0].due - time.monotonic() > fence.LEASE_SECONDS - 1


def test_new_scheduler_recovers_lost_tasks_at_once(panel: Panel) -> None:
    task = add.add(job="ModuleJob")
    assert claim.claim(task.id, "dead") is not None
    with transaction() as current:
        current.execute(sa.update(Task).values(lease_until=now() - timedelta(seconds=1)))
    schedule.tick(schedule.entries())
    release()
    assert session().scalar(sa.select(Task.status).where(Task.id == task.id)) == "lost"


def test_a_slow_entry_delays_neither_recovery_nor_dispatch(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tick only adds its task; a worker that runs it is another process."""
    started, release_it = threading.Event(), threading.Event()

    def sleep(_: Settings) -> int:
        started.set()
        assert release_it.wait(60)
        return 0

    replace_action(monkeypatch, "Prune tasks", sleep)
    live = Live(settings)
    panel = live.ensure()
    with panel.app_context():
        entries = schedule.entries()
        schedule.tick(entries)
        make_due("Prune tasks")
        tick(entries)
        slow = session().scalars(of_entry("Prune tasks")).one()
        release()
    worker = threading.Thread(target=run_in_context, args=(panel, slow.id))
    worker.start()
    try:
        assert started.wait(30)
        with panel.app_context():
            lost, waiting = add.add(job="ModuleJob"), add.add(job="ModuleJob", data={"n": 2})
            assert claim.claim(lost.id, "dead") is not None
            with transaction() as current:
                current.execute(
                    sa.update(Task)
                    .where(Task.id == lost.id)
                    .values(lease_until=now() - timedelta(seconds=1))
                )
                current.execute(
                    sa.update(Task).where(Task.id == waiting.id).values(dispatched_at=None)
                )
            make_due("Prune tasks")
            tick(entries)
            release()
            status = dict(session().execute(sa.select(Task.id, Task.status)).all())
            assert (status[lost.id], status[slow.id]) == ("lost", "running")
            sent = session().scalar(sa.select(Task.dispatched_at).where(Task.id == waiting.id))
            assert sent is not None
            assert len(session().scalars(of_entry("Prune tasks")).all()) == 1
            row = (
                session()
                .scalars(sa.select(ScheduleEntry).where(ScheduleEntry.name == "Prune tasks"))
                .one()
            )
            assert row.skipped == 1
    finally:
        release_it.set()
        worker.join(60)


def test_an_entry_that_always_fails_does_not_pile_up(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, drain: Callable[..., None]
) -> None:
    def fail(_: Settings) -> int:
        raise RuntimeError("no")

    replace_action(monkeypatch, "Rescan modules", fail)
    entries = schedule.entries()
    tick(entries)
    for _ in range(3):
        make_due("Rescan modules")
        tick(entries)
        drain(1)
    release()
    failed = session().scalars(of_entry("Rescan modules")).all()
    assert [task.status for task in failed] == ["failed"] * 3
    with transaction() as current:
        current.execute(sa.update(Task).values(ended_at=now() - timedelta(hours=2)))
    assert tasks.prune(0) >= 3
    release()
    assert session().scalars(of_entry("Rescan modules")).all() == []


def test_without_a_worker_each_entry_has_one_task(panel: Panel) -> None:
    entries = schedule.entries()
    tick(entries)
    for _ in range(3):
        for name in maintenance.ENTRIES:
            make_due(name)
        tick(entries)
    release()
    added = session().scalars(sa.select(Task.title).order_by(Task.title)).all()
    assert added == sorted(maintenance.ENTRIES)


def replace_action(
    monkeypatch: pytest.MonkeyPatch, name: str, action: Callable[[Settings], int]
) -> None:
    work, _ = maintenance.ENTRIES[name]
    monkeypatch.setattr(maintenance, "ENTRIES", {**maintenance.ENTRIES, name: (work, action)})


def make_due(name: str) -> None:
    with transaction() as current:
        current.execute(
            sa.update(ScheduleEntry)
            .where(ScheduleEntry.name == name)
            .values(due_at=now() - timedelta(seconds=1))
        )


def tick(entries: list[schedule.Entry]) -> None:
    for entry in entries:
        entry.due = 0.0
    schedule.tick(entries)


def of_entry(name: str) -> sa.Select[Task]:
    return sa.select(Task).where(Task.title == name).execution_options(populate_existing=True)


def run_in_context(panel: Panel, task_id: int) -> None:
    with panel.app_context():
        engine.run(task_id, HANDLERS)


def test_times_stored_by_a_clock_that_was_ahead_are_bounded(panel: Panel) -> None:
    far = now() + timedelta(days=4000)
    oversight.run_due()
    running, retrying = add.add(job="ModuleJob"), add.add(job="ModuleJob", data={"n": 2})
    assert claim.claim(running.id, "dead") is not None
    sent = add.add(job="ModuleJob", data={"n": 3})
    with transaction() as current:
        current.execute(sa.update(ScheduleEntry).values(due_at=far))
        current.execute(sa.update(Task).where(Task.id == running.id).values(lease_until=far))
        current.execute(
            sa.update(Task).where(Task.id == retrying.id).values(status="retrying", run_at=far)
        )
        current.execute(sa.update(Task).where(Task.id == sent.id).values(dispatched_at=far))
    oversight._checked_at.clear()
    oversight.run_due()
    sweep.send_due()
    release()
    latest = now() + timedelta(days=32)
    assert all(row.due_at < latest for row in session().scalars(sa.select(ScheduleEntry)))
    times = session().execute(sa.select(Task.run_at, Task.lease_until, Task.dispatched_at)).all()
    assert all(time is None or time < latest for row in times for time in row)
