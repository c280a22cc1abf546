"""Documents that are not paid, and the tasks that automation adds about their services."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.task_states import NOT_STARTED
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.jobs.entry import HANDLERS
from puqpanel.models import Document, Setting, Step, Task
from puqpanel.operations.automation import brake, dunning
from puqpanel.tasks import run as engine
from tests.operations.ordering.dated import fresh


def documents() -> list[Document]:
    """Return all documents, the oldest first."""
    session().rollback()
    session().expire_all()
    return list(session().scalars(sa.select(Document).order_by(Document.id)))


def taken() -> list[tuple[str, str]]:
    """Return the kinds and days of the steps that were taken, in order."""
    session().rollback()
    return [
        (row.step, row.day.isoformat())
        for row in session().execute(sa.select(Step.step, Step.day).order_by(Step.id))
    ]


def work() -> None:
    """Run the tasks that wait, once each."""
    release()
    query = sa.select(Task.id).where(Task.status.in_(NOT_STARTED))
    for task_id in session().scalars(query.order_by(Task.id)).all():
        release()
        engine.run(task_id, HANDLERS)
    release()


def run(*, stopped: bool = False, **options: Any) -> dict[str, int]:
    """Run automation and the tasks that it added; return how often each step was taken."""
    done = dunning.run(actor=AUTOMATION, **options)
    assert bool(done.held) == stopped
    work()
    return {step.value: number for step, number in done.steps.items()}


def ran(moment: datetime | None = None) -> None:
    """Pretend that automation ran last at a moment, now unless given."""
    with transaction() as current:
        for name in brake.LAST_RUN.values():
            current.merge(Setting(name=name, value=(moment or now()).isoformat()))


def status(service: str) -> str:
    """Return the status of a service."""
    return str(fresh(service).status)
