"""Charge saved payment methods for documents that are due: on the due day, then twice more.

Each try of a document is one attempt with an identifier of its own, which is also the key for the
provider, so that no run and no repeated task charges twice. Nothing is charged while the outcome of
an earlier charge, or another payment of the document, is unknown.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from puqpanel.domain.document_states import OPEN
from puqpanel.domain.documents import FUNDS, DocumentKind
from puqpanel.domain.money import Money
from puqpanel.domain.payment_states import AttemptStatus
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.task_states import OnLoss
from puqpanel.infra.db import retry_deadlocks, save, session, transaction
from puqpanel.models import (
    AttemptDocument,
    Company,
    ConfiguredModule,
    Document,
    DocumentLineRow,
    PaymentAttempt,
    PaymentMethod,
)
from puqpanel.operations.billing import gateways, ledger
from puqpanel.operations.billing.awaited_payments import documents_awaiting_payment
from puqpanel.operations.billing.companies import companies
from puqpanel.operations.billing.documents import lock_document
from puqpanel.operations.modules import configured_modules
from puqpanel.tasks import add

JOB = "ChargeJob"
TRY_DAYS = (0, 3, 5)
"""Days after the due date on which a document is charged."""
TRIES, BACKOFF_SECONDS = 6, 600
"""A task repeats a charge whose outcome is unknown with the same key, for an hour."""
CHUNK = 500


@dataclass(frozen=True, slots=True)
class DueCharge:
    """A document that is to be charged.

    Args:
        document: as it was read.
        method: the saved payment method.
        gateway: of the method.
        number: which try it is, from 1.
    """

    document: Document
    method: PaymentMethod
    gateway: ConfiguredModule
    number: int

    @property
    def attempt_uuid(self) -> str:
        """The identifier of the try."""
        return str(uuid.uuid5(uuid.UUID(self.document.uuid), f"charge:{self.number}"))


def due(*, day: date | None = None, company_uuid: str = "") -> list[DueCharge]:
    """Return the charges that are due, without making them.

    Args:
        day: until which day; today in the zone of each company unless given.
        company_uuid: of one company only; all of them unless given.
    """
    found: list[DueCharge] = []
    for company in companies():
        if company_uuid in ("", company.uuid):
            found += _due_of(company, day or ledger.today(company))
    return found


def run(*, actor: Principal, day: date | None = None, company_uuid: str = "") -> int:
    """Add a task for each charge that is due.

    Args:
        actor: who runs it.
        day: until which day; today in the zone of each company unless given.
        company_uuid: of one company only; all of them unless given.

    Returns:
        How many tasks were added.
    """
    actor.require(DOCUMENTS_ISSUE)
    return sum(_request(charge) for charge in due(day=day, company_uuid=company_uuid))


def run_automatically() -> int:
    """Add the charges that are due, as the schedule does every hour; return how many."""
    return run(actor=AUTOMATION)


def _due_of(company: Company, today: date) -> Iterator[DueCharge]:
    """Yield the charges of a company."""
    offered = {
        row.uuid: row
        for row in configured_modules.list_instances(gateways.TYPE)
        if gateways.supports(row, "charge")
    }
    rows = session().execute(_unpaid(company, today)).all()
    awaited = documents_awaiting_payment({document.id for document, _method in rows})
    for document, method in rows:
        gateway = offered.get(method.gateway)
        if gateway is None or document.id in awaited:
            continue
        if not gateways.is_offered(gateway, company, document.currency):
            continue
        assert document.due_on is not None
        late = (today - document.due_on).days
        number = sum(late >= days for days in TRY_DAYS)
        charge = DueCharge(document, method, gateway, number)
        query = sa.select(PaymentAttempt.id).where(PaymentAttempt.uuid == charge.attempt_uuid)
        if session().scalar(query) is None:
            yield charge


def _unpaid(company: Company, today: date) -> sa.Select[Document, PaymentMethod]:
    """Select the unpaid documents of clients whose method pays automatically."""
    adds_funds = sa.exists().where(
        DocumentLineRow.document_id == Document.id, DocumentLineRow.kind == FUNDS
    )
    return (
        sa.select(Document, PaymentMethod)
        .join(PaymentMethod, PaymentMethod.client_id == Document.client_id)
        .where(
            PaymentMethod.automatic.is_(True),
            PaymentMethod.active.is_(True),
            Document.company_id == company.id,
            Document.status.in_(OPEN),
            Document.kind != DocumentKind.CREDIT_NOTE,
            Document.due_on <= today,
            Document.due_on > today - timedelta(days=TRY_DAYS[-1] + 2),
            ~adds_funds,
        )
        .order_by(Document.id)
        .limit(CHUNK)
    )


@retry_deadlocks
@transaction()
def _request(charge: DueCharge) -> bool:
    """Open the attempt of a charge and add its task, unless the document was paid meanwhile."""
    gateways.lock_gateway(charge.gateway.uuid)
    ledger.lock_client(charge.document.client_id)
    document = lock_document(charge.document.uuid)
    method = session().get_one(PaymentMethod, charge.method.id, populate_existing=True)
    known = sa.select(PaymentAttempt.id).where(PaymentAttempt.uuid == charge.attempt_uuid)
    if (
        document.status not in OPEN
        or not (method.automatic and method.active)
        or session().scalar(known) is not None
        or documents_awaiting_payment({document.id})
    ):
        return False
    _open_attempt(charge.gateway, method, document, document.open, charge.attempt_uuid)
    return True


def _open_attempt(
    gateway: ConfiguredModule,
    method: PaymentMethod,
    document: Document,
    amount: Money,
    attempt_uuid: str,
) -> PaymentAttempt:
    """Insert the attempt of a charge and add its task; requires a transaction."""
    attempt = save(
        PaymentAttempt(
            uuid=attempt_uuid,
            gateway=gateway.uuid,
            company_id=document.company_id,
            client_id=document.client_id,
            currency=amount.currency,
            minor=amount.minor,
            status=AttemptStatus.UNKNOWN,
            method_id=method.id,
            documents=[AttemptDocument(document_id=document.id)],
        )
    )
    add.add(
        job=JOB,
        queue="System",
        data={"attempt": attempt.uuid},
        title="Charge a saved payment method",
        subject_type="gateway",
        subject_uuid=gateway.uuid,
        module=gateway.module,
        tries=TRIES,
        backoff=BACKOFF_SECONDS,
        max_exceptions=TRIES,
        on_loss=OnLoss.REPEAT,
    )
    return attempt
