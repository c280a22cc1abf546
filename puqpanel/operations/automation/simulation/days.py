"""Simulate day after day on a copy of the database, with the clock moved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from puqpanel.domain.periods import Anchor, Period, boundary
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.infra import clock
from puqpanel.infra.db import release, session
from puqpanel.operations.automation import charging, dunning, renewals
from puqpanel.operations.automation.simulation import follow_ups
from puqpanel.operations.automation.simulation.assumptions import Paying
from puqpanel.operations.automation.simulation.counts import Counts, Meter
from puqpanel.operations.ordering import changes, endings
from puqpanel.operations.system import settings
from puqpanel.tasks import outbox

NOON = time(12, tzinfo=UTC)
"""When a day is simulated: the same date in nearly all time zones."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a simulation.

    Args:
        months: how many.
        paying: how clients pay.
        company_uuid: of one company only; all of them unless given.
    """

    months: int
    paying: Paying
    company_uuid: str = ""

    def moments(self) -> list[datetime]:
        """Return when the days are simulated: now, and at noon of those that follow."""
        first = clock.now()
        end = boundary(Anchor.on(first.date()), Period.MONTHLY, self.months)
        return [first, *(datetime.combine(day, NOON) for day in _days(first.date(), end))]


def simulate(*, actor: Principal, plan: Plan) -> Iterator[Counts]:
    """Simulate the days of a plan in the database of this app, which must be a copy.

    No module is called, and no task is sent to a queue.

    Args:
        actor: who requests it.
        plan: the plan.

    Returns:
        What happened on each day.
    """
    actor.require(DOCUMENTS_ISSUE)
    return _simulate(plan)


def _simulate(plan: Plan) -> Iterator[Counts]:
    with without_queue():
        clients, meter = (
            follow_ups.Clients(plan.paying, plan.company_uuid),
            Meter(plan.company_uuid),
        )
        for moment in plan.moments():
            with clock.at(moment):
                counts = simulate_day(plan, clients, meter)
            yield counts


def simulate_day(
    plan: Plan, clients: follow_ups.Clients, meter: Meter, *, answered: bool = True
) -> Counts:
    """Simulate the current day, and return what happened; repeat it after an interruption.

    Args:
        plan: the plan.
        clients: who pay.
        meter: counts what happened.
        answered: whether gateways answer the charges of saved payment methods.
    """
    changes.carry_out_due()
    endings.carry_out_due()
    follow_ups.finish_tasks()
    if settings.get("billing.renewals"):
        renewals.run(actor=AUTOMATION, company_uuid=plan.company_uuid)
    stopped = []
    if settings.get("billing.automatic_charges"):
        charged = charging.run(actor=AUTOMATION, company_uuid=plan.company_uuid, approve=True)
        stopped = [charged.stopped] if charged.stopped is not None else []
    charges = follow_ups.answer_charges(plan.paying, plan.company_uuid) if answered else []
    clients.pay()
    follow_ups.finish_tasks()
    done = dunning.run(actor=AUTOMATION, company_uuid=plan.company_uuid, approve=True)
    follow_ups.finish_tasks()
    counts = meter.read(clock.now().date(), charges=charges)
    counts.stopped = int(bool(stopped or done.stopped))
    release()
    session().expunge_all()
    return counts


@contextlib.contextmanager
def without_queue() -> Iterator[None]:
    """Let no task reach a queue."""
    outbox.deliver_to(lambda task_id: None)
    try:
        yield
    finally:
        outbox.deliver_to(None)


def _days(after: date, until: date) -> Iterator[date]:
    for number in range(1, (until - after).days):
        yield after + timedelta(days=number)
