"""Dunning: what happens, step by step, if documents are not paid.

Which steps are due is read by the modules beside this one, without writing. Each step is then
claimed and taken in a short transaction that looks again, so that a killed run is continued by the
next one, a second run does nothing, and what was paid in between is left alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from puqpanel.domain.brake import RunKind
from puqpanel.domain.dunning import StepKind
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.texts import Text
from puqpanel.models import Service
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
from puqpanel.operations.ordering import prepaid_orders
from puqpanel.operations.system import batches, settings

Step = TypeVar("Step", DocumentStep, ServiceStep)


@dataclass(frozen=True, slots=True)
class Due:
    """The steps that are due.

    Args:
        documents: events and reminders.
        services: suspensions and terminations.
        paid: services that are suspended although nothing is due any more.
        orders: orders that are to be cancelled.
        fees: invoices of late fees.
        stopped: why staff have to approve reminders, or suspensions and terminations.
    """

    documents: Sequence[DocumentStep]
    services: Sequence[ServiceStep]
    paid: Sequence[Service]
    orders: Sequence[UnpaidOrder]
    fees: Sequence[FeeDocument]
    stopped: Sequence[Text] = ()


@dataclass(slots=True)
class Done:
    """What a run did.

    Attributes:
        steps: how many steps were taken, by kind.
        stopped: why some steps were not taken.
        held: how many steps staff have to approve.
        debits: how many periods of prepaid services were charged, whatever the day.
        statements: how many statements of prepaid services were issued.
    """

    steps: dict[StepKind, int] = field(default_factory=dict)
    stopped: list[Text] = field(default_factory=list)
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
    documents = overdue_documents.due(day=day, company_uuid=company_uuid)
    verdicts = (
        brake.judge(RunKind.REMINDERS, _of(StepKind.REMINDER, documents)),
        brake.judge(RunKind.SERVICES, services),
    )
    return Due(
        documents,
        services,
        suspensions.to_lift(company_uuid),
        unpaid_orders.due(day=day, company_uuid=company_uuid),
        late_fees.due(day=day, company_uuid=company_uuid),
        [each.stopped for each in verdicts if each.stopped is not None],
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
        approve: also take so many steps that the run would stop.
    """
    actor.require(DOCUMENTS_ISSUE)
    done = Done()
    done.debits = debits.run(actor=actor)
    done.statements = prepaid_statements.run(actor=actor)
    prepaid_stops.warn(actor=actor)
    prepaid_orders.run(actor=actor)
    found = overdue_documents.due(day=day, company_uuid=company_uuid)
    done.count(StepKind.OVERDUE, overdue_documents.carry_out(_of(StepKind.OVERDUE, found)))
    pause = _Pause(actor, done, approve=approve, noted=not company_uuid and day is None)
    reminders = pause.allowed(RunKind.REMINDERS, _of(StepKind.REMINDER, found))
    done.count(StepKind.REMINDER, overdue_documents.carry_out(reminders))
    done.count(StepKind.FEE, late_fees.issue(actor=actor, day=day, company_uuid=company_uuid))
    paid = [(service.uuid,) for service in suspensions.to_lift(company_uuid)]
    done.count(StepKind.UNSUSPEND, batches.carry_out(suspensions.lift_missed, paid))
    if settings.get("automation.suspensions"):
        allowed = pause.allowed(RunKind.SERVICES, _services(day, company_uuid))
        for step in (StepKind.SUSPEND, StepKind.TERMINATE):
            chosen = [(each, day) for each in _of(step, allowed)]
            done.count(step, batches.carry_out(suspensions.take, chosen))
    orders = [(each,) for each in unpaid_orders.due(day=day, company_uuid=company_uuid)]
    done.count(StepKind.CANCEL, batches.carry_out(unpaid_orders.cancel, orders))
    return done


def run_automatically() -> int:
    """Take the steps that are due today, and return how many were taken."""
    done = run(actor=AUTOMATION)
    return done.total + done.debits + done.statements


def run_approved(kind: RunKind, approved: Collection[tuple[str, str]]) -> int:
    """Take reminders, or suspensions and terminations, that staff approved, if still due.

    Args:
        kind: of the run that stopped.
        approved: the steps.

    Returns:
        How many were taken; safe to repeat.
    """
    if kind == RunKind.REMINDERS:
        found = _of(StepKind.REMINDER, overdue_documents.due())
        return overdue_documents.carry_out([each for each in found if each.pair in approved])
    steps = [(each,) for each in _services(None, "") if each.pair in approved]
    return batches.carry_out(suspensions.take, steps)


def _services(day: date | None, company_uuid: str) -> list[ServiceStep]:
    if not settings.get("automation.suspensions"):
        return []
    return service_steps.due(day=day, company_uuid=company_uuid)


def _of(step: StepKind, found: Iterable[Step]) -> list[Step]:
    return [each for each in found if each.step == step]


@dataclass(frozen=True, slots=True)
class _Pause:
    """Holds back what staff have to approve."""

    actor: Principal
    done: Done
    approve: bool
    noted: bool

    def allowed(self, kind: RunKind, found: Sequence[Step]) -> Sequence[Step]:
        """Return the steps that may be taken, and record why others may not."""
        verdict = brake.judge(kind, found)
        if verdict.stopped is not None:
            self.done.stopped.append(verdict.stopped)
        if self.approve:
            partial = not self.noted
            verdict = brake.approve_held(actor=self.actor, verdict=verdict, partial=partial)
        if self.noted:
            with contextlib.suppress(ConflictError):  # another run has stopped, as this one has
                brake.note_run(verdict)
        self.done.held += len(verdict.held)
        return verdict.allowed
