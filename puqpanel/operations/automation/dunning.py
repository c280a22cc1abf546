"""Dunning: what happens, step by step, if documents are not paid.

Which steps are due is read by the modules beside this one, without writing. Each step is then
claimed and taken in a short transaction that looks again, so that a killed run is continued by the
next one, a second run does nothing, and what was paid in between is left alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa

from puqpanel.domain.dunning import StepKind, StopStatus
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.texts import Text
from puqpanel.infra.db import session
from puqpanel.models import Service, StoppedRun
from puqpanel.operations.automation import (
    brake,
    late_fees,
    overdue_documents,
    prepaid_stops,
    service_steps,
    suspensions,
    unpaid_orders,
)
from puqpanel.operations.automation.late_fees import FeeDocument
from puqpanel.operations.automation.overdue_documents import DocumentStep
from puqpanel.operations.automation.unpaid_orders import UnpaidOrder
from puqpanel.operations.automation.unpaid_services import ServiceStep
from puqpanel.operations.billing import debits, prepaid_statements
from puqpanel.operations.system import batches, settings


@dataclass(frozen=True, slots=True)
class Due:
    """The steps that are due.

    Args:
        documents: events and reminders.
        services: suspensions and terminations.
        paid: services that are suspended although nothing is due any more.
        orders: orders that are to be cancelled.
        fees: invoices of late fees.
        stopped: why staff have to approve suspensions and terminations; None if they need not.
    """

    documents: Sequence[DocumentStep]
    services: Sequence[ServiceStep]
    paid: Sequence[Service]
    orders: Sequence[UnpaidOrder]
    fees: Sequence[FeeDocument]
    stopped: Text | None = None


@dataclass(slots=True)
class Done:
    """What a run did.

    Attributes:
        steps: how many steps were taken, by kind.
        stopped: why no more services were suspended or terminated; None if nothing stopped it.
        held: how many suspensions and terminations staff have to approve.
        debits: how many periods of prepaid services were charged, whatever the day.
        statements: how many statements of prepaid services were issued.
    """

    steps: dict[StepKind, int] = field(default_factory=dict)
    stopped: Text | None = None
    held: int = 0
    debits: int = 0
    statements: int = 0

    def count(self, step: StepKind, number: int) -> None:
        """Add a number of steps."""
        if number:
            self.steps[step] = self.steps.get(step, 0) + number

    @property
    def total(self) -> int:
        """How many steps were taken."""
        return sum(self.steps.values())


def due(*, day: date | None = None, company_uuid: str = "") -> Due:
    """Return the steps that are due, without taking them.

    Args:
        day: until which day; today in the zone of each company unless given.
        company_uuid: of one company only; all of them unless given.
    """
    services = _services(day, company_uuid)
    return Due(
        overdue_documents.due(day=day, company_uuid=company_uuid),
        services,
        suspensions.to_lift(company_uuid),
        unpaid_orders.due(day=day, company_uuid=company_uuid),
        late_fees.due(day=day, company_uuid=company_uuid),
        brake.judge(services).stopped,
    )


def run(
    *, actor: Principal, day: date | None = None, company_uuid: str = "", approve: bool = False
) -> Done:
    """Take the steps that are due.

    Prepaid services are charged first, up to now.

    Args:
        actor: who runs it.
        day: until which day; today in the zone of each company unless given.
        company_uuid: of one company only; all of them unless given.
        approve: also suspend and terminate so many services that the run would stop.
    """
    actor.require(DOCUMENTS_ISSUE)
    done = Done()
    done.debits = debits.run(actor=actor)
    done.statements = prepaid_statements.run(actor=actor)
    prepaid_stops.warn(actor=actor)
    found = overdue_documents.due(day=day, company_uuid=company_uuid)
    for step in (StepKind.OVERDUE, StepKind.REMINDER):
        chosen = [each for each in found if each.step == step]
        done.count(step, overdue_documents.carry_out(chosen))
    done.count(StepKind.FEE, late_fees.issue(actor=actor, day=day, company_uuid=company_uuid))
    paid = [(service.uuid,) for service in suspensions.to_lift(company_uuid)]
    done.count(StepKind.UNSUSPEND, batches.carry_out(suspensions.lift_missed, paid))
    _suspend(actor, done, day, company_uuid, approve=approve)
    orders = [(each,) for each in unpaid_orders.due(day=day, company_uuid=company_uuid)]
    done.count(StepKind.CANCEL, batches.carry_out(unpaid_orders.cancel, orders))
    return done


def run_automatically() -> int:
    """Take the steps that are due today, and return how many were taken."""
    done = run(actor=AUTOMATION)
    return done.total + done.debits + done.statements


def run_approved(uuid: str) -> int:
    """Take the steps of a stopped run that staff approved, if they are still due.

    Args:
        uuid: the run.

    Returns:
        How many were taken; safe to repeat.
    """
    query = sa.select(StoppedRun.steps).where(
        StoppedRun.uuid == uuid, StoppedRun.status == StopStatus.APPROVED
    )
    approved = {(service, step) for rows in session().scalars(query) for service, step in rows}
    found = [(each,) for each in _services(None, "") if brake.pair(each) in approved]
    return batches.carry_out(suspensions.take, found)


def _services(day: date | None, company_uuid: str) -> list[ServiceStep]:
    if not settings.get("automation.suspensions"):
        return []
    return service_steps.due(day=day, company_uuid=company_uuid)


def _suspend(
    actor: Principal, done: Done, day: date | None, company_uuid: str, *, approve: bool
) -> None:
    """Suspend and terminate services, unless there are too many."""
    if not settings.get("automation.suspensions"):
        return
    found = _services(day, company_uuid)
    verdict = brake.judge(found)
    if approve:
        brake.approve_held(actor=actor, verdict=verdict)
        verdict = brake.Verdict([*verdict.allowed, *verdict.held])
    if not company_uuid and day is None:
        with contextlib.suppress(ConflictError):  # another run has stopped, as this one has
            brake.note_run(verdict)
    done.stopped, done.held = verdict.stopped, len(verdict.held)
    for step in (StepKind.SUSPEND, StepKind.TERMINATE):
        chosen = [(each, day) for each in verdict.allowed if each.step == step]
        done.count(step, batches.carry_out(suspensions.take, chosen))
