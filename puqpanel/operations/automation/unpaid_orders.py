"""Cancel orders that nobody paid: as staff do, some days after they were placed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa

from puqpanel.domain.document_states import DocumentStatus
from puqpanel.domain.dunning import StepKind
from puqpanel.domain.order_states import LIVE
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.texts import SOURCE, Text, _n, using
from puqpanel.infra import catalogs
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, session, transaction
from puqpanel.models import Client, Company, Document, Order, OrderItem, Service
from puqpanel.operations.automation import steps
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.awaited_payments import documents_awaiting_payment
from puqpanel.operations.ordering import cancellation
from puqpanel.operations.ordering.orders import WAITS
from puqpanel.operations.system import settings

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class UnpaidOrder:
    """An order that is to be cancelled.

    Args:
        order_id: its number.
        uuid: the order.
        client: the name of the client.
        client_id: the client.
        company: the name of the company.
        document_id: the document that nobody paid.
        number: of the document.
        day: the day in the time zone of the company.
    """

    order_id: int
    uuid: str
    client: str
    client_id: int
    company: str
    document_id: int
    number: str
    day: date

    @property
    def reason(self) -> Text:
        """Why it is cancelled."""
        days = settings.number("automation.cancel_orders_days")
        return _n("Not paid within %(num)s day.", "Not paid within %(num)s days.", days)


def due(*, day: date | None = None, company_uuid: str = "") -> list[UnpaidOrder]:
    """Return the orders that are to be cancelled: nothing of them was paid or provisioned.

    Args:
        day: until which day; today in the zone of each company unless given.
        company_uuid: of one company only; all of them unless given.
    """
    days = settings.number("automation.cancel_orders_days")
    if not days:
        return []
    wait = timedelta(days=days)
    latest = datetime.combine(day or now().date(), time.max, now().tzinfo) + DAY
    query = _unpaid().where(Order.created_at <= latest - wait)
    if company_uuid:
        query = query.where(Company.uuid == company_uuid)
    found = [
        UnpaidOrder(
            *(row.id, row.uuid, row.client, row.client_id, row.company, row.document_id),
            row.number,
            today,
        )
        for row in session().execute(query.order_by(Order.id))
        if ledger.zone_day(row.zone, row.created_at) + wait
        <= (today := day or ledger.zone_day(row.zone))
    ]
    awaited = documents_awaiting_payment({each.document_id for each in found})
    return [each for each in found if each.document_id not in awaited]


@retry_deadlocks
@transaction()
def cancel(found: UnpaidOrder) -> bool:
    """Cancel an order, unless it was paid or provisioned meanwhile.

    Returns:
        Whether it was cancelled.
    """
    ledger.lock_client(found.client_id)
    row = session().execute(_unpaid().where(Order.uuid == found.uuid)).first()
    if row is None or documents_awaiting_payment({row.document_id}):
        return False
    reason = found.reason
    wanted = steps.Claim("order", found.uuid, StepKind.CANCEL, found.day, reason, found.document_id)
    if not steps.claim_all([wanted]):
        return False
    client = session().get_one(Client, found.client_id)
    with using(catalogs.find(client.language) or SOURCE):
        cancellation.cancel(actor=AUTOMATION, uuid=found.uuid, reason=str(reason))
    return True


def _unpaid() -> sa.Select[*tuple[object, ...]]:
    """Select orders of which nothing was paid or provisioned."""
    running = sa.exists().where(
        OrderItem.order_id == Order.id,
        Service.id == OrderItem.service_id,
        Service.status != "cancelled",
        sa.or_(Service.status != WAITS[0], Service.provision_status != WAITS[1]),
    )
    return (
        sa.select(
            *(
                Order.id,
                Order.uuid,
                Order.created_at,
                Client.id.label("client_id"),
                Client.name.label("client"),
            ),
            *(Document.id.label("document_id"), Document.number),
            *(Company.name.label("company"), Company.zone),
        )
        .join(Client, Client.id == Order.client_id)
        .join(Document, Document.id == Order.document_id)
        .join(Company, Company.id == Document.company_id)
        .where(
            Order.status.in_(LIVE),
            Document.status == DocumentStatus.ISSUED,
            Document.paid_minor == 0,
            ~running,
        )
    )
