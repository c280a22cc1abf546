"""The schedule of the panel: recovery of lost tasks after a gap."""

from __future__ import annotations

import time
from datetime import timedelta

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.jobs import schedule
from puqpanel.models import Task
from puqpanel.tasks import add, claim, fence


def test_scheduler_waits_for_lease_renewals_after_a_gap(
    panel: Panel,
) -> None:
    entries = [each for each in schedule.entries(panel.settings) if "lost" in each.name]
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
    schedule.tick(schedule.entries(panel.settings))
    release()
    assert session().scalar(sa.select(Task.status).where(Task.id == task.id)) == "lost"
