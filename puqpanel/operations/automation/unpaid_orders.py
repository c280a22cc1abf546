"""Cancel orders that nobody paid: as staff do, some days after they were placed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.catalog import ProvisioningPolicy
from puqpanel.domain.document_states import DocumentStatus
from puqpanel.domain.dunning import StepKind
from puqpanel.domain.order_states import LIVE
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.domain.tax_rules import NoTaxRateError
from puqpanel.domain.texts import SOURCE, Text, _n, using
from puqpanel.infra import catalogs
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, session, transaction
from puqpanel.models import Client, Document, Order, OrderItem, Service
from puqpanel.operations.automation import steps
from puqpanel.operations.automation.stopped_runs import documents_left_alone
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.companies import sellers_of
from puqpanel.operations.ordering import cancellation, prepaid_orders
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
        document_id: the document that nobody paid; None if prepaid services wait for credit.
        day: the day in the time zone of the company.
    """

    order_id: int
    uuid: str
    client: str
    client_id: int
    company: str
    document_id: int | None
    day: date

    @property
    def reason(self) -> Text:
        """Why it is cancelled."""
        days = settings.number("automation.cancel_orders_days")
        if self.document_id is None:
            return _n(
                "Not enough credit added within %(num)s day.",
                "Not enough credit added within %(num)s days.",
                days,
            )
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
    rows = session().execute(_unpaid().where(Order.created_at <= latest - wait).order_by(Order.id))
    found = []
    for order, client in rows:
        document = order.document
        company = document.company if document else sellers_of([client]).get(client.id)
        if company is None or company_uuid not in ("", company.uuid):
            continue
        if document is None and not _lacks_credit(order):
            continue
        today = day or ledger.today(company)
        if ledger.zone_day(company.zone, order.created_at) + wait <= today:
            number = document.id if document else None
            names = (order.id, order.uuid, client.name, client.id, company.name)
            found.append(UnpaidOrder(*names, number, today))
    awaited = documents_left_alone([each.document_id for each in found if each.document_id])
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
    if row is None or (found.document_id and documents_left_alone({found.document_id})):
        return False
    if found.document_id is None and not _lacks_credit(row[0]):
        return False
    reason = found.reason
    wanted = steps.Claim("order", found.uuid, StepKind.CANCEL, found.day, reason, found.document_id)
    if not steps.claim_all([wanted]):
        return False
    client = session().get_one(Client, found.client_id)
    with using(catalogs.find(client.language) or SOURCE):
        cancellation.cancel(actor=AUTOMATION, uuid=found.uuid, reason=str(reason))
    return True


def _lacks_credit(order: Order) -> bool:
    """Return whether nothing but credit is missing for the prepaid services of an order."""
    try:
        waiting = prepaid_orders.starts(order.client, {item.service.uuid for item in order.items})
    except NoTaxRateError:  # staff have to enter it
        return False
    return bool(waiting) and not any(each.ready for each in waiting)


def _unpaid() -> sa.Select[*tuple[Any, ...]]:
    """Select orders of which nothing was paid or provisioned, with their client."""
    services = sa.select(Service.id).join(OrderItem, OrderItem.service_id == Service.id)
    services = services.where(OrderItem.order_id == Order.id)
    running = services.where(
        Service.status != ServiceStatus.CANCELLED,
        sa.or_(Service.status != WAITS[0], Service.provision_status != WAITS[1]),
    )
    for_credit = services.where(
        Service.prepaid,
        Service.status == WAITS[0],
        OrderItem.provisioning != ProvisioningPolicy.BY_HAND,
    )
    unpaid = sa.and_(Document.status == DocumentStatus.ISSUED, Document.paid_minor == 0)
    return (
        sa.select(Order, Client)
        .join(Client, Client.id == Order.client_id)
        .outerjoin(Document, Document.id == Order.document_id)
        .where(
            Order.status.in_(LIVE),
            sa.or_(unpaid, sa.and_(Document.id.is_(None), for_credit.exists())),
            ~running.exists(),
        )
        .execution_options(populate_existing=True)
    )
