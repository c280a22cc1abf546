"""A year in the life of the demo's firm: clients, orders, renewals, payments and what goes wrong.

Everything is done by the operations of the panel, in order of time, with the clock set to the day
on which it happens. The same year comes out each time, counted back from today.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import sqlalchemy as sa

from puqpanel.cli.demo.people import PEOPLE, Person
from puqpanel.domain.catalog import ProvisioningPolicy
from puqpanel.domain.charges import ChargeKind
from puqpanel.domain.periods import Period, Span, boundary
from puqpanel.domain.principals import CLI
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.infra import clock
from puqpanel.infra.db import session, transaction
from puqpanel.models import Client, Document, Order, Product, Service
from puqpanel.operations.accounts import clients
from puqpanel.operations.accounts.buyer_details import BuyerDetails
from puqpanel.operations.automation import renewals
from puqpanel.operations.billing import credit_notes, documents, issuing, payments
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.catalog import groups, prices, products
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.ordering import (
    cancellation,
    coupons,
    draft_items,
    drafts,
    offers,
    orders,
)
from puqpanel.operations.ordering.coupons import CouponValues
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.provisioning import settlement
from puqpanel.operations.provisioning.services import lock_service

DAYS = 365
CURRENCIES = {"PL": "PLN", "US": "USD"}
"""Country → currency; the other clients pay in euros."""
PRODUCTS = {
    "Mail hosting": ("3.00", Period.MONTHLY, "Mailboxes with 25 GB each, calendars and contacts."),
    "Managed support": ("49.00", Period.MONTHLY, "Two hours of an engineer each month."),
    "Domain name": ("14.00", Period.ANNUALLY, "Registration, DNS and renewal of a domain."),
    "Web hosting": ("96.00", Period.ANNUALLY, "PHP, databases and daily backups."),
}
"""Name → price in euros, its period, and a description."""
WELCOME = CouponValues("WELCOME", percent=Decimal(20), once_per_client=True)
RATES = {"PLN": "4.26", "USD": "1.09"}


@dataclass
class Year:
    """The year while it is being lived.

    Args:
        today: the time at which it ends.
        due: what is still to happen: the time, a number that keeps equal times in order, and the
            action.
    """

    today: datetime
    due: list[tuple[datetime, int, Callable[[], object]]] = field(default_factory=list)
    numbers: Any = field(default_factory=count)

    def plan(self, moment: datetime, action: Callable[[], object]) -> None:
        """Let something happen at a time, unless that is after today."""
        if moment < self.today:
            heapq.heappush(self.due, (moment, next(self.numbers), action))

    def live(self) -> None:
        """Do all that is planned, in order of time."""
        while self.due:
            moment, _, action = heapq.heappop(self.due)
            with clock.at(moment):
                action()


@transaction()
def create() -> None:
    """Create the products and live the year, unless that was done before.

    It is one transaction, so that an interrupted start leaves nothing half done.
    """
    if session().scalar(sa.select(Product.id).where(Product.name == next(iter(PRODUCTS)))):
        return
    sold = _products()
    coupons.save_coupon(actor=CLI, uuid=None, values=WELCOME)
    year = Year(clock.now())
    for number, person in enumerate(PEOPLE):
        # more clients come each month than in the one before
        days = DAYS - round(DAYS * (number / len(PEOPLE)) ** 0.8)
        moment = year.today - timedelta(days=max(days, 2), hours=number % 9)
        year.plan(moment, _Life(year, number, person, sold).join)
    year.live()
    renewals.run(actor=CLI)  # what is due in the next days
    _draft("Eva Horváth", sold, offered=False)
    _draft("Dorota Wilk", sold, offered=True)


@dataclass
class _Life:
    """What one client does."""

    year: Year
    number: int
    person: Person
    sold: list[tuple[Product, Period]]

    def join(self) -> None:
        """Become a client, and order one or two products."""
        name, company, country, street, postcode, city = self.person
        address = f"{name.split()[0].lower()}{self.number}@example.test"
        client = clients.create_client(
            actor=CLI,
            name=name,
            email=address.encode("ascii", "ignore").decode(),
            company=company,
            country=country,
            currency=CURRENCIES.get(country, "EUR"),
            details=BuyerDetails(
                street=street,
                postcode=postcode,
                city=city,
                buyer_kind="business" if company else "consumer",
            ),
        )
        for at in range(1 + (self.number % 3 == 0)):
            product, period = self.sold[(self.number + at) % len(self.sold)]
            coupon = WELCOME.code if self.number % 5 == 2 and not at else ""
            self._order(client.uuid, product, period, coupon)

    def _order(self, client_uuid: str, product: Product, period: Period, coupon: str) -> None:
        choice = Choice(product, period.value, name=f"{product.name} {self.number + 1}")
        order = orders.place(
            actor=CLI,
            request=orders.Request(
                client_uuid,
                [choice],
                token=f"demo-{client_uuid}-{product.id}",
                coupon=coupon,
            ),
        )
        service = order.items[0].service
        if self.number % 19 == 7:
            self._later(3, lambda: self._give_up(order.uuid))
            return
        self._later(1, lambda: self._start(service.uuid))
        assert order.document is not None
        self._pay(order.document.uuid)
        self._renew(service, period, 1)

    def _renew(self, service: Service, period: Period, number: int) -> None:
        """Issue the invoice of the next period when it begins, and so on."""
        anchor = service.anchor
        assert anchor is not None
        span = Span(boundary(anchor, period, number), boundary(anchor, period, number + 1))
        days = (span.start - anchor.start).days
        begins = clock.now() + timedelta(days=days) if number == 1 else None
        moment = begins or clock.now() + timedelta(
            days=(span.start - boundary(anchor, period, number - 1)).days
        )
        if self.number % 6 == 4 and number > 2:
            self.year.plan(moment, lambda: self._terminate(service.uuid))
            return

        def renew() -> None:
            document = _renewal(service, period, span)
            self._pay(document.uuid, number)
            self._renew(service, period, number + 1)

        self.year.plan(moment, renew)

    def _pay(self, uuid: str, number: int = 0) -> None:
        """Pay a document after some days: most in time, some late, in part or never."""
        mood = (self.number * 7 + number * 3) % 29
        if mood == 3:
            self._later(5, lambda: credit_notes.credit(actor=CLI, uuid=uuid, reason="Goodwill"))
        elif mood == 11:
            self._later(9, lambda: _pay(uuid, Decimal("0.5")))
        elif mood == 17 and number:
            self._later(75, lambda: issuing.write_off(actor=CLI, uuid=uuid, reason="Insolvent"))
        elif mood != 23:
            self._later(2 + mood + (20 if mood > 24 else 0), lambda: _pay(uuid))

    def _later(self, days: int, action: Callable[[], object]) -> None:
        self.year.plan(clock.now() + timedelta(days=days), action)

    @staticmethod
    def _start(uuid: str) -> None:
        _settle(uuid, ProvisionStatus.COMPLETED, ServiceStatus.ACTIVE)

    @staticmethod
    def _terminate(uuid: str) -> None:
        _settle(uuid, ProvisionStatus.TERMINATED, ServiceStatus.TERMINATED)

    @staticmethod
    def _give_up(uuid: str) -> None:
        order = session().scalars(sa.select(Order).where(Order.uuid == uuid)).one()
        if order.document is not None and not order.document.paid_minor:
            cancellation.cancel(actor=CLI, uuid=uuid, reason="Ordered by mistake")


def _settle(uuid: str, provision: ProvisionStatus, status: ServiceStatus) -> None:
    with transaction():
        service = lock_service(uuid)
        settlement.set_provision(service, provision)
        settlement.set_status(service, status)


def _renewal(service: Service, period: Period, span: Span) -> Document:
    line = Line(
        description=service.product.name,
        unit_price=service.price.major,
        details=service.name,
        tax_class=service.product.tax_class,
        service_id=service.id,
        kind=ChargeKind.RECURRING,
        period=span,
    )
    with transaction():
        draft = documents.create_draft(
            actor=CLI,
            client_uuid=service.client.uuid,
            draft=Draft([line]),
            currency=service.currency,
        )
        document = issuing.issue(actor=CLI, uuid=draft.uuid)
        lock_service(service.uuid).paid_until = span.end
    return document


def _pay(uuid: str, share: Decimal = Decimal(1)) -> None:
    document = documents.find_document(uuid)
    if document.open:
        amount = document.open.scaled(share)
        number = f"Bank statement {clock.now():%Y-%m-%d}"
        payments.mark_paid(actor=CLI, document_uuid=uuid, reason=number, amount=amount)


def _draft(name: str, sold: list[tuple[Product, Period]], *, offered: bool) -> None:
    """Prepare an order for a client, and offer it."""
    client = session().scalars(sa.select(Client).where(Client.name == name)).one()
    draft = drafts.create(actor=CLI, client_uuid=client.uuid)
    for product, period in sold[:2]:
        draft_items.save_item(actor=CLI, uuid=draft.uuid, choice=Choice(product, period.value))
    if offered:
        expires = clock.now().date() + timedelta(days=14)
        offers.send(actor=CLI, uuid=draft.uuid, expires_on=expires)


def _products() -> list[tuple[Product, Period]]:
    group = groups.save_group(
        actor=CLI, uuid=None, name="Domains and mail", description="All that a site needs besides."
    )
    sold = []
    for position, (name, (price, period, description)) in enumerate(PRODUCTS.items()):
        product = products.save_product(
            actor=CLI,
            uuid=None,
            name=name,
            description=description,
            price=price,
            period=period,
            details=products.Details(
                group_uuid=group.uuid,
                position=position,
                provisioning=ProvisioningPolicy.BY_HAND,
            ),
        )
        cells = [
            Cell(period, currency, None, round(Decimal(price) * Decimal(rate), 2))
            for currency, rate in RATES.items()
        ]
        prices.save_prices(actor=CLI, product_uuid=product.uuid, cells=cells)
        sold.append((product, period))
    return sold
