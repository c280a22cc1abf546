"""Ordered prepaid services: they are provisioned when the credit of their client suffices.

The credit must cover some days of all prepaid services of the client, with those that are about to
start. So a new service is not suspended within hours, and does not take the credit of others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
import structlog

from puqpanel.domain.catalog import ProvisioningPolicy
from puqpanel.domain.document_states import DocumentStatus
from puqpanel.domain.money import Money
from puqpanel.domain.order_states import OrderStatus
from puqpanel.domain.periods import Period
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.prepaid import per_day
from puqpanel.domain.pricing import Usage
from puqpanel.domain.principals import Principal
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.domain.tax_rules import NoTaxRateError
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import retry_deadlocks, session, transaction
from puqpanel.models import Client, Document, Order, OrderItem, Service
from puqpanel.operations.billing import ledger, prepaid_accounts
from puqpanel.operations.billing.prepaid_accounts import Outlook
from puqpanel.operations.ordering.provisioning import provision
from puqpanel.operations.system import batches, settings

# built once, because they run with every payment
_PENDING = (
    sa.select(Service.client_id)
    .where(
        Service.prepaid,
        Service.status == ServiceStatus.PENDING,
        Service.provision_status == ProvisionStatus.PENDING,
    )
    .limit(1)
)
_CLIENT_THAT_WAITS = _PENDING.join(Client, Client.id == Service.client_id).where(
    Client.uuid == sa.bindparam("uuid")
)
_BUYER_THAT_WAITS = _PENDING.join(Document, Document.client_id == Service.client_id).where(
    Document.uuid == sa.bindparam("uuid")
)


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Start:
    """Whether an ordered service can start.

    Args:
        service: the service, which waits.
        needed: the credit that is needed, with what runs and what starts before it.
        credit: what the client has.
        within_cap: whether the first hour or day is within the spending cap of the client.
    """

    service: Service
    needed: Money
    credit: Money
    within_cap: bool

    @property
    def missing(self) -> Money:
        """What the client has to add; zero if its credit suffices."""
        return max(self.needed - self.credit, Money.zero(self.credit.currency))

    @property
    def ready(self) -> bool:
        """Whether it can start."""
        return self.within_cap and not self.missing

    @property
    def reason(self) -> Text:
        """Why it waits."""
        if self.missing:
            return _(
                "Waits for credit: %(needed)s is needed, %(credit)s is available.",
                needed=self.needed,
                credit=self.credit,
            )
        return _("Waits because its first hour or day would exceed the monthly spending cap.")


def release_of(client_id: int) -> int:
    """Provision the ordered services that the credit of a client covers; return how many.

    Requires a transaction.
    """
    if session().scalar(_waiting({client_id}).limit(1)) is None:
        return 0
    client = ledger.lock_client(client_id)
    try:
        ready = [each.service for each in starts(client) if each.ready]
    except NoTaxRateError as error:  # a payment is booked all the same
        log.warning("prepaid services not started", client=client.uuid, reason=str(error))
        return 0
    for service in ready:
        provision(service)
    return len(ready)


def starts(client: Client, service_uuids: Collection[str] = ()) -> list[Start]:
    """Return for each ordered service that waits whether it can start, the oldest first.

    Args:
        client: the client.
        service_uuids: return only these; all of them unless given.

    Raises:
        NoTaxRateError: tax must be charged, but there is no rate.
    """
    waiting = session().scalars(_waiting({client.id}).order_by(Service.id)).all()
    if not waiting:
        return []
    begun = sa.select(Service).where(
        Service.client_id == client.id,
        Service.prepaid,
        Service.status == ServiceStatus.PENDING,
        Service.provision_status == ProvisionStatus.PROCESSING,
    )
    found, started = [], list(session().scalars(begun))
    keys = {(client.id, service.currency) for service in waiting}
    outlooks = prepaid_accounts.outlooks([client.id], keys)
    for service in waiting:
        outlook = outlooks.get((client.id, service.currency))
        if outlook is None:
            continue
        same = [each for each in started if each.currency == service.currency]
        start = _start(outlook, service, [*same, service])
        if start.ready:
            started.append(service)
        if not service_uuids or service.uuid in service_uuids:
            found.append(start)
    return found


def _start(outlook: Outlook, service: Service, starting: Sequence[Service]) -> Start:
    """Return whether a service can start with others that start before it."""
    company, days = outlook.company, settings.number("billing.prepaid_start_days")
    first: dict[str, Money] = {}
    reserve: dict[str, Money] = {}
    for each in starting:
        name, zero = each.product.tax_class, Money.zero(each.currency)
        unit = prepaid_accounts.unit_of(each, company)
        some_days = each.price.scaled(per_day(Period(each.period)) * days)
        first[name] = first.get(name, zero) + unit
        reserve[name] = reserve.get(name, zero) + max(unit, some_days)
    currency, client = outlook.currency, outlook.client
    needed = prepaid_accounts.with_tax(company, client, reserve, currency)
    at_once = prepaid_accounts.with_tax(company, client, first, currency)
    return Start(
        service,
        needed + outlook.daily.scaled(days),
        max(outlook.left, Money.zero(currency)),
        outlook.cap is None or outlook.spent + at_once <= outlook.cap,
    )


def waiting_start(service: Service) -> Start | None:
    """Return why an ordered service waits for credit or its cap; None if it does not."""
    if not service.prepaid or service.status != ServiceStatus.PENDING:
        return None
    try:
        found = starts(service.client, {service.uuid})
    except NoTaxRateError:  # staff see it on the Health page
        return None
    return next((each for each in found if not each.ready), None)


def needed_for(client: Client, usage: Sequence[Usage]) -> tuple[Money, Money]:
    """Return the credit that is needed to start what a client is about to order, and what it has.

    Args:
        client: the buyer.
        usage: what it costs; at least one.
    """
    days, currency = settings.number("billing.prepaid_start_days"), usage[0].amount.currency
    needed = Money.zero(currency)
    for each in usage:
        first = each.amount.scaled(min(Fraction(1), per_day(each.period)))
        needed += max(first, each.monthly.scaled(Fraction(12 * days, 365)))
    outlook = prepaid_accounts.outlook(client, currency)
    if outlook is None:
        return needed, Money.zero(currency)
    return needed + outlook.daily.scaled(days), max(outlook.left, Money.zero(currency))


def release_topped_up(name: str, payload: Any) -> None:
    """Provision services of a client whose credit or documents were paid: a recorder of events.

    Args:
        name: the event.
        payload: its values.
    """
    if name == "payment.received":
        client_id = session().scalar(_CLIENT_THAT_WAITS, {"uuid": payload["client_uuid"]})
    elif name == "invoice.paid":
        client_id = session().scalar(_BUYER_THAT_WAITS, {"uuid": payload["invoice_uuid"]})
    else:
        return
    if client_id is not None:
        release_of(client_id)


def run(*, actor: Principal) -> int:
    """Provision the ordered services whose clients have enough credit; return how many.

    Payments do so at once; this catches up on other credit, and on caps that were raised.
    """
    actor.require(DOCUMENTS_ISSUE)
    clients = session().scalars(_waiting().with_only_columns(Service.client_id).distinct())
    return batches.carry_out(_release, [(each,) for each in sorted(clients)])


@retry_deadlocks
@transaction()
def _release(client_id: int) -> int:
    return release_of(client_id)


def _waiting(client_ids: Collection[int] = ()) -> sa.Select[Service]:
    """Select prepaid services of accepted orders that wait for credit only."""
    query = (
        sa.select(Service)
        .join(OrderItem, OrderItem.service_id == Service.id)
        .join(Order, Order.id == OrderItem.order_id)
        .outerjoin(Document, Document.id == Order.document_id)
        .where(
            Service.prepaid,
            Service.status == ServiceStatus.PENDING,
            Service.provision_status == ProvisionStatus.PENDING,
            Order.status == OrderStatus.PLACED,
            sa.or_(
                OrderItem.provisioning == ProvisioningPolicy.AT_ORDER,
                sa.and_(
                    OrderItem.provisioning == ProvisioningPolicy.AT_PAYMENT,
                    sa.or_(Document.id.is_(None), Document.status == DocumentStatus.PAID),
                ),
            ),
        )
    )
    return query.where(Service.client_id.in_(client_ids)) if client_ids else query
