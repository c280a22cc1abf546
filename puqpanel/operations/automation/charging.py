"""Charge saved payment methods for documents that are due: once for each try.

What is due is read by an index; each charge is opened in a transaction in which the document is
read again. A task makes it. So a second run opens nothing, and a run that was stopped is continued
by the next one.
"""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
import structlog

from puqpanel.domain import charging
from puqpanel.domain.brake import RunKind
from puqpanel.domain.document_states import OPEN
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import ConflictError, UserError
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import PAYMENTS_MANAGE
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.texts import Text
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import (
    Company,
    ConfiguredModule,
    Document,
    PaymentAttempt,
    PaymentMethod,
)
from puqpanel.operations.automation import brake
from puqpanel.operations.billing import gateways, ledger, method_charges
from puqpanel.operations.billing.documents import is_funds
from puqpanel.operations.modules import configured_modules
from puqpanel.operations.system import settings

log = structlog.get_logger(__name__)
READ = 500
"""Documents that are read at once."""


@dataclass(frozen=True, slots=True)
class DueCharge:
    """A charge that is due.

    Args:
        document: as it was read.
        method: what is charged.
        gateway: of the method.
        number: which try, from 1.
        today: the day in the time zone of the company, or another one that was asked for.
    """

    document: Document
    method: PaymentMethod
    gateway: ConfiguredModule
    number: int
    today: date

    @property
    def pair(self) -> tuple[str, str]:
        """How a stopped run names the charge."""
        return self.document.uuid, str(self.number)

    @property
    def amount(self) -> Money:
        """What is open, before credit pays a part."""
        return self.document.open


@dataclass(frozen=True, slots=True)
class Charged:
    """What a run did.

    Args:
        opened: how many charges were opened.
        stopped: why no others were opened; None if nothing stopped it.
        held: how many staff have to approve.
    """

    opened: int
    stopped: Text | None = None
    held: int = 0


def run(
    *, actor: Principal, day: date | None = None, company_uuid: str = "", approve: bool = False
) -> Charged:
    """Open the charges that are due.

    Args:
        actor: who requests them.
        day: until which day; today in the zone of each company unless given.
        company_uuid: of one company only; all of them unless given.
        approve: also if there are so many that the run would stop.
    """
    actor.require(PAYMENTS_MANAGE)
    verdict = brake.judge(RunKind.CHARGES, list(due(day=day, company_uuid=company_uuid)))
    stopped, held = verdict.stopped, len(verdict.held)
    if approve:
        partial = bool(company_uuid or day)
        verdict = brake.approve_held(actor=actor, verdict=verdict, partial=partial)
    if not company_uuid and day is None:
        with contextlib.suppress(ConflictError):  # another run has stopped, as this one has
            brake.note_run(verdict)
    return Charged(_open(actor, verdict.allowed), stopped, 0 if approve else held)


def run_approved(approved: Collection[tuple[str, str]]) -> int:
    """Open charges that staff approved, if they are still due; return how many were opened."""
    return _open(AUTOMATION, [each for each in due() if each.pair in approved])


def _open(actor: Principal, charges: Iterable[DueCharge]) -> int:
    count = 0
    for charge in charges:
        uuid = charge.document.uuid
        try:
            opened = method_charges.charge_automatically(
                actor=actor,
                document_uuid=uuid,
                method_uuid=charge.method.uuid,
                number=charge.number,
            )
        except UserError as error:
            log.warning("document not charged", document=uuid, reason=str(error))
        else:
            count += opened is not None
    return count


def run_automatically() -> int:
    """Charge what is due unless staff switched it off, and return how many charges were opened."""
    if not settings.get("billing.automatic_charges"):
        brake.note_run(brake.Verdict(RunKind.CHARGES, ()))  # nothing waits for approval any more
        return 0
    return run(actor=AUTOMATION).opened


def due(*, day: date | None = None, company_uuid: str = "") -> Iterator[DueCharge]:
    """Return the charges that are due and were not opened, without opening them.

    Args:
        day: on which day; today in the zone of each company unless given.
        company_uuid: of one company only; all of them unless given.
    """
    before = settings.number("billing.charge_days_before")
    able = _able_gateways()
    ids = _due_ids(day, before, company_uuid)
    for at in range(0, len(ids), READ):
        query = (
            sa.select(Document, PaymentMethod)
            .join(PaymentMethod, _pays(PaymentMethod))
            .where(Document.id.in_(ids[at : at + READ]))
            .order_by(Document.due_on, Document.id)
        )
        found = []
        for document, method in session().execute(query):
            assert document.due_on is not None
            today = day or ledger.today(document.company)
            number = charging.try_number(document.due_on, before, today)
            gateway = able.get(method.gateway)
            if number and gateway and method_charges.can_charge(gateway, document):
                found.append(DueCharge(document, method, gateway, number, today))
        opened = _opened(found)
        for each in found:
            if charging.key(each.document.uuid, each.number) not in opened:
                yield each


def planned(document: Document) -> tuple[date, PaymentMethod] | None:
    """Return when a document is charged next, and with what; None if it is not.

    Today's charge counts as long as it was not tried.
    """
    if not settings.get("billing.automatic_charges") or document.due_on is None:
        return None
    if document.status not in OPEN or document.kind == DocumentKind.CREDIT_NOTE:
        return None
    if document.adds_funds:
        return None
    method = automatic_method(document.client_id)
    gateway = _able_gateways().get(method.gateway) if method is not None else None
    if method is None or gateway is None or not method_charges.can_charge(gateway, document):
        return None
    before = settings.number("billing.charge_days_before")
    today = ledger.today(document.company)
    number = charging.try_number(document.due_on, before, today)
    if number and not _opened([DueCharge(document, method, gateway, number, today)]):
        return today, method
    day = charging.next_day(document.due_on, before, today)
    return (day, method) if day is not None else None


def automatic_method(client_id: int) -> PaymentMethod | None:
    """Return the method that is charged for the documents of a client; None if there is none."""
    query = sa.select(PaymentMethod).where(
        PaymentMethod.client_id == client_id,
        PaymentMethod.active.is_(True),
        PaymentMethod.automatic.is_(True),
    )
    return session().scalar(query.limit(1))


def charge_day(due_on: date) -> date:
    """Return the day on which a document that will be issued is charged first."""
    return due_on - timedelta(settings.number("billing.charge_days_before"))


def _able_gateways() -> dict[str, ConfiguredModule]:
    """Return the gateways that can charge saved methods."""
    found = configured_modules.list_instances(gateways.TYPE)
    return {row.uuid: row for row in found if gateways.supports(row, "charge")}


def _due_ids(day: date | None, before: int, company_uuid: str) -> array[int]:
    """Return documents that may be due, by due date."""
    # somewhere it is a day later or earlier than in UTC; the day of the company decides later
    today = day or now().date()
    query = (
        sa.select(Document.id)
        .join(PaymentMethod, _pays(PaymentMethod))
        .where(
            Document.status.in_(OPEN),
            Document.kind.in_((DocumentKind.INVOICE, DocumentKind.PROFORMA)),
            Document.due_on <= today + timedelta(before + 1),
            Document.due_on > today - timedelta(charging.MAX_LATE + 1),
            ~is_funds(),
        )
    )
    if company_uuid:
        query = query.join(Company, Company.id == Document.company_id)
        query = query.where(Company.uuid == company_uuid)
    return array("q", session().scalars(query.order_by(Document.due_on, Document.id)))


def _pays(method: type[PaymentMethod]) -> sa.ColumnElement[bool]:
    """Return the condition that a method is charged automatically for a document."""
    return sa.and_(
        method.client_id == Document.client_id,
        method.active.is_(True),
        method.automatic.is_(True),
    )


def _opened(charges: list[DueCharge]) -> set[str]:
    """Return the keys of charges that were opened before."""
    keys = [charging.key(each.document.uuid, each.number) for each in charges]
    query = sa.select(PaymentAttempt.uuid).where(PaymentAttempt.uuid.in_(keys))
    return set(session().scalars(query))
