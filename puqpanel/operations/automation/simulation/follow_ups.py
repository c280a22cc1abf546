"""What modules and gateways would do in a simulation, done at once without asking them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.charging import RETRIES
from puqpanel.domain.document_states import OPEN
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.service_states import VERBS, ProvisionStatus, check_verb
from puqpanel.domain.task_states import NOT_STARTED, TaskStatus
from puqpanel.host.contract.payments import PaymentReport
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction, write
from puqpanel.models import (
    Company,
    Document,
    PaymentAttempt,
    PaymentMethod,
    Service,
    Task,
)
from puqpanel.operations.automation import suspensions
from puqpanel.operations.automation.simulation.assumptions import Paying
from puqpanel.operations.billing import method_charges, payment_reports, payments
from puqpanel.operations.billing.documents import is_funds
from puqpanel.operations.billing.ledger import zone_day
from puqpanel.operations.ordering import endings
from puqpanel.operations.ordering.orders import WAITS
from puqpanel.operations.provisioning import settlement
from puqpanel.operations.provisioning.services import find_service, lock_service
from puqpanel.operations.system import batches

ROUNDS = 5
"""How often tasks that other tasks have added are done in a day."""
REASON = "Assumed by the simulation"


def answer_charges(paying: Paying, company_uuid: str = "") -> list[str]:
    """Answer the charges of saved payment methods, and return their UUIDs."""
    query = sa.select(PaymentAttempt.uuid).where(
        PaymentAttempt.method_id.is_not(None),
        PaymentAttempt.status.in_(method_charges.IN_FLIGHT),
    )
    if company_uuid:
        query = query.where(PaymentAttempt.company.has(uuid=company_uuid))
    uuids = session().scalars(query.order_by(PaymentAttempt.id)).all()
    batches.carry_out(_answer, [(paying, uuid) for uuid in uuids])
    return list(uuids)


def _answer(paying: Paying, uuid: str) -> int:
    if method_charges.begin(uuid) is not None:
        return 0
    query = sa.select(PaymentAttempt).where(PaymentAttempt.uuid == uuid)
    attempt = session().scalars(query.execution_options(populate_existing=True)).one()
    numbers = " ".join(row.document.number or "" for row in attempt.documents)
    key = f"{attempt.company_id}:{numbers}:{now():%Y-%m-%d}"
    if not paying.succeeds(attempt.client_id, key):
        method_charges.fail(uuid=uuid, reason=REASON)
        return 1
    report = PaymentReport(
        f"simulated:{uuid}", "succeeded", attempt.amount.major, attempt.currency, attempt=uuid
    )
    payment_reports.record_payment(attempt.gateway, report)
    return 1


class Clients:
    """The clients, who pay what no saved method is charged for.

    Args:
        paying: how they pay.
        company_uuid: of one company only; all of them unless given.
    """

    def __init__(self, paying: Paying, company_uuid: str = "") -> None:
        self._paying, self._company_uuid = paying, company_uuid
        self._delays: dict[int, int | None] = {}
        self._first = now().date()

    def pay(self) -> int:
        """Pay the documents whose day has come, and return how many."""
        found = [(row.uuid,) for row in session().execute(self._due()) if self._pays(row)]
        return batches.carry_out(_pay, found)

    def _pays(self, row: Any) -> bool:
        """Return whether a document is paid now; one that was overdue before counts from then."""
        today = zone_day(row.zone)
        if row.due_on > today or (row.charged and today <= row.due_on + timedelta(RETRIES[-1])):
            return False
        if row.id not in self._delays:
            key = f"{row.company_id}:{row.kind}:{row.number}"
            self._delays[row.id] = self._paying.delay(row.client_id, key)
        delay = self._delays[row.id]
        return delay is not None and max(row.due_on, self._first) + timedelta(delay) <= today

    def _due(self) -> sa.Select[*tuple[Any, ...]]:
        """Select unpaid documents that are due, and whether a saved method is charged for them."""
        charged = sa.exists().where(
            PaymentMethod.client_id == Document.client_id,
            PaymentMethod.active.is_(True),
            PaymentMethod.automatic.is_(True),
        )
        query = (
            sa.select(
                *(Document.id, Document.uuid, Document.number, Document.kind, Document.due_on),
                *(Document.client_id, Document.company_id, Company.zone),
                charged.label("charged"),
            )
            .join(Company, Company.id == Document.company_id)
            .where(
                Document.status.in_(OPEN),
                Document.kind != DocumentKind.CREDIT_NOTE,
                Document.due_on <= now().date() + timedelta(days=1),
                ~is_funds(),
            )
        )
        if self._company_uuid:
            query = query.where(Company.uuid == self._company_uuid)
        return query.order_by(Document.id)


def _pay(uuid: str) -> int:
    payments.mark_paid(actor=AUTOMATION, document_uuid=uuid, reason=REASON)
    return 1


def finish_tasks() -> int:
    """Do at once what tasks would ask modules for, and return how many tasks there were."""
    done = 0
    for _round in range(ROUNDS):
        query = sa.select(Task).where(Task.status.in_(NOT_STARTED)).order_by(Task.id)
        tasks = session().scalars(query).all()
        if not tasks:
            break
        for task in tasks:
            _finish(task)
        done += len(tasks)
    processing = sa.select(Service.uuid).where(
        Service.provision_status == ProvisionStatus.PROCESSING
    )
    for uuid in session().scalars(processing).all():
        with transaction():
            service = lock_service(uuid)
            settlement.complete(service, VERBS.get(service.verb), AUTOMATION)
    return done


def _finish(task: Task) -> None:
    # the action first: a simulation that is interrupted between them does it again
    if (action := _ACTIONS.get(task.job)) is not None:
        batches.carry_out(_done, [(action, dict(task.data or {}))])
    values = {"status": TaskStatus.COMPLETED, "waiting_key": None, "ended_at": now(), "turn": None}
    write(sa.update(Task).where(Task.id == task.id).values(values))


def _done(action: Callable[[dict[str, Any]], object], data: dict[str, Any]) -> int:
    action(data)
    return 1


def _step(data: dict[str, Any]) -> None:
    step = suspensions.confirm(int(data["step"]))
    if step is not None:
        _complete(step.subject_uuid, step.step)


def _create(data: dict[str, Any]) -> None:
    service = find_service(str(data["service"]))
    if (service.status, service.provision_status) == WAITS:
        _complete(service.uuid, "create")


def _end(data: dict[str, Any]) -> None:
    service = find_service(str(data["service"]))
    waits = (service.status, service.provision_status) == WAITS
    _complete(service.uuid, "cancellation" if waits else "terminate")


def _complete(service_uuid: str, verb: str) -> None:
    """Complete a verb of a service, unless it is not possible now."""
    with transaction():
        service = lock_service(service_uuid)
        try:
            rule = check_verb(verb, service.status, service.provision_status, idle=None)
        except UserError:
            return
        settlement.start(service, rule)
        settlement.complete(service, rule, AUTOMATION)


_ACTIONS: dict[str, Callable[[dict[str, Any]], object]] = {
    "StepJob": _step,
    "ProvisionJob": _create,
    "EndJob": _end,
    "CancelledJob": lambda data: endings.settle_cancelled(str(data["service"])),
}
"""What a task does; what all others would do concerns modules only."""
