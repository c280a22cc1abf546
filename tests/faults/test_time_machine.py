"""The time machine: years of billing day by day, with everything that goes wrong in them.

A seeded world of clients orders, changes, cancels, pays late or never and disputes payments; prices
and tax rates change, gateways do not answer for days, and runs are stopped in the middle. After
each day the books must agree, and at the end every charged period must follow the one before.

The world is small unless `PUQPANEL_TEST_WORLD` says how many clients and days it has, such
as `500x3650`; its books are then checked less often. `PUQPANEL_TEST_SEED` repeats a run.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import UserError
from puqpanel.domain.money import Money
from puqpanel.host.contract.payments import DisputeReport
from puqpanel.infra import clock
from puqpanel.infra.db import session, transaction
from puqpanel.models import Change, Charge, Document, Order, OrderItem, Payment, Service
from puqpanel.operations.accounts import clients
from puqpanel.operations.automation import steps, unpaid_services
from puqpanel.operations.automation.simulation import days, follow_ups
from puqpanel.operations.automation.simulation.assumptions import Paying
from puqpanel.operations.automation.simulation.counts import Meter
from puqpanel.operations.billing import books, credit_notes, payment_reports, taxes
from puqpanel.operations.billing.taxes import RateValues
from puqpanel.operations.catalog import prices, products
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.ordering import changes, endings, orders
from puqpanel.operations.ordering.orders import Request
from puqpanel.operations.ordering.plans import Target
from puqpanel.operations.ordering.quotes import Choice
from tests.conftest import STAFF
from tests.web.billing.test_charges import save_method
from tests.web.billing.test_payments import Scene, scene, settings  # noqa: F401  # fixtures

pytestmark = pytest.mark.faults
START = date(2027, 12, 30)
"""The leap day of 2028 and both changes of the clock follow soon."""
PERIODS = ("weekly", "monthly", "quarterly", "annually")
CHECKS = 400
"""At most so many checks of the books."""


class Killed(BaseException):
    """A process ended."""


class World:
    """Clients who buy, and what happens to them on a day."""

    def __init__(self, scene: Scene, seed: int, size: int) -> None:  # noqa: F811
        self.chance, self.scene, self.tokens = random.Random(seed), scene, 0
        self.products = [self.product(f"Plan {number}", number) for number in range(4)]
        self.clients = [self.client(number) for number in range(size)]

    def product(self, name: str, number: int) -> str:
        made = products.save_product(actor=STAFF, uuid=None, name=name, price=None, currency="EUR")
        cells = {period: 1 + number * Decimal("3.33") + at for at, period in enumerate(PERIODS)}
        self.set_prices(made.uuid, cells)
        with transaction():
            row = products.find_product(made.uuid)
            row.provisioning = "at_payment"
            row.suspend_after_days, row.terminate_after_days = 5, 20 + number
        return str(made.uuid)

    def set_prices(self, uuid: str, cells: dict[str, Decimal]) -> None:
        rows = [Cell(period, "EUR", "0", f"{price:.2f}") for period, price in cells.items()]
        prices.save_prices(actor=STAFF, product_uuid=uuid, cells=rows)

    def client(self, number: int) -> str:
        country = ("PL", "DE", "US")[number % 3]
        made = clients.create_client(
            actor=STAFF,
            name=f"Client {number}",
            email=f"client{number}@example.test",
            country=country,
            currency="EUR",
        )
        if number % 3 == 1:
            save_method(made.uuid, self.scene.coin, f"pm_{number}")
        return made.uuid

    def token(self) -> str:
        self.tokens += 1
        return f"token-{self.tokens}"

    def any(self, query: Any) -> Any:
        rows = session().scalars(query).all()
        return self.chance.choice(rows) if rows else None

    def service(self) -> Service | None:
        return self.any(sa.select(Service).where(Service.status == "active").order_by(Service.id))

    def order(self) -> None:
        product = products.find_product(self.chance.choice(self.products))
        choice = Choice(product, self.chance.choice(PERIODS))
        request = Request(self.chance.choice(self.clients), [choice], self.token())
        orders.place(actor=STAFF, request=request)

    def change(self) -> None:
        if service := self.service():
            product = products.find_product(self.chance.choice(self.products))
            target = Target(product, self.chance.choice(PERIODS))
            request = changes.Request(service.uuid, target, self.token())
            changes.request(actor=STAFF, change=request)

    def cancel(self) -> None:
        if service := self.service():
            at_once = self.chance.random() < 0.3
            endings.request(actor=STAFF, service_uuid=service.uuid, at_once=at_once, reason="moved")

    def credit(self) -> None:
        query = sa.select(Document).where(
            Document.kind == DocumentKind.INVOICE, Document.status == "paid"
        )
        if document := self.any(query.order_by(Document.id.desc()).limit(20)):
            amount = Money(self.chance.randint(1, document.total.minor), document.currency)
            credit_notes.credit(actor=STAFF, uuid=document.uuid, reason="outage", amount=amount)

    def dispute(self) -> None:
        query = sa.select(Payment).where(
            Payment.gateway == self.scene.coin, Payment.status == "succeeded"
        )
        if payment := self.any(query.order_by(Payment.id.desc()).limit(20)):
            status = self.chance.choice(["open", "won", "lost"])
            report = DisputeReport(
                payment.outside_id,
                f"dp_{payment.id}",
                status,
                payment.amount.major,
                "EUR",
                withdrawn=status != "won",
            )
            payment_reports.record_all(self.scene.coin, [report])

    def reprice(self) -> None:
        uuid = self.chance.choice(self.products)
        cells = {period: Decimal(self.chance.randint(100, 5000)) / 100 for period in PERIODS}
        self.set_prices(uuid, cells)

    def retax(self) -> None:
        """Change the standard rate of a country from tomorrow on."""
        values = RateValues(
            country=self.chance.choice(["PL", "DE"]),
            name="VAT",
            rate=Decimal(self.chance.randint(15, 27)),
            valid_from=clock.now().date() + timedelta(days=1),
        )
        taxes.save_rate(actor=STAFF, uuid=None, values=values)

    def happens(self) -> None:
        """Let some of all that can happen on a day happen; what is not allowed is refused."""
        events: dict[Callable[[], None], float] = {
            self.order: 0.25,
            self.change: 0.10,
            self.cancel: 0.03,
            self.credit: 0.05,
            self.dispute: 0.04,
            self.reprice: 0.02,
            self.retax: 0.01,
        }
        for event, likely in events.items():
            if self.chance.random() < likely:
                with suppress(UserError):
                    event()


@contextmanager
def killed(chance: random.Random) -> Iterator[None]:
    """End the process before one of its next commits, now and then."""
    left = chance.randint(1, 12) if chance.random() < 0.1 else 0

    def before_commit(_session: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    sa.event.listen(session(), "before_commit", before_commit)
    try:
        yield
    finally:
        sa.event.remove(session(), "before_commit", before_commit)


def problems(*, verify: bool) -> list[tuple[str, str]]:
    found = [*books.check(), *(books.verify() if verify else ())]
    return [(each.subject, str(each.text)) for step in found for each in step.problems]


def gaps() -> list[str]:
    """Return services of which days were charged twice, or left out between two charges.

    A change charges days again that it credits, so services with one are left out. A credit note
    over a whole period takes its charge back, and the period is not charged again.
    """
    changed = sa.exists().where(Change.service_id == Charge.service_id)
    query = sa.select(Charge).where(Charge.kind == "recurring", ~changed)
    spans: dict[int, list[tuple[date, date]]] = {}
    credited: dict[tuple[int, date], date] = {}
    for charge in session().scalars(query.order_by(Charge.service_id, Charge.period_start)):
        if charge.live:
            spans.setdefault(charge.service_id, []).append((charge.period_start, charge.period_end))
        else:
            credited[charge.service_id, charge.period_start] = charge.period_end
    found = []
    for service, charged in spans.items():
        for before, after in pairwise(charged):
            day = before[1]
            while day < after[0] and (service, day) in credited:
                day = credited[service, day]
            if day != after[0]:
                found.append(f"service {service}: {before[1]} and {after[0]}")
    return found


def suspended_without_reason() -> list[str]:
    """Return services that are suspended although nothing is overdue and their order stands."""
    found = []
    for service in session().scalars(sa.select(Service).where(Service.status == "suspended")):
        order = session().scalar(
            sa.select(Order.status)
            .join(OrderItem, OrderItem.order_id == Order.id)
            .where(OrderItem.service_id == service.id)
        )
        if order != "cancelled" and unpaid_services.debt_of(service) is None:
            step = steps.suspension_of(service.uuid)
            found.append(f"{service.name}: {step.document.number if step else 'no step'}")
    return found


def test_years_of_billing(scene: Scene) -> None:  # noqa: F811
    seed = int(os.environ.get("PUQPANEL_TEST_SEED", str(random.randrange(10**6))))
    print(f"seed {seed}")
    size, length = map(int, os.environ.get("PUQPANEL_TEST_WORLD", "6x130").split("x"))
    counts: Counter[str] = Counter()
    with scene.panel.app_context(), days.without_queue():
        first = datetime.combine(START, days.NOON)
        with clock.at(first):
            world = World(scene, seed, size)
            plan = days.Plan(1, Paying(seed, 0.8))
            people, meter = follow_ups.Clients(plan.paying), Meter()
        for number in range(length):
            with clock.at(first + timedelta(days=number)):
                for _event in range(max(1, size // 10)):
                    world.happens()
                outage = world.chance.random() < 0.1
                done = None
                while done is None:
                    with suppress(Killed), killed(world.chance):
                        done = days.simulate_day(plan, people, meter, answered=not outage)
                    if done is None:
                        counts["killed"] += 1
                        session().rollback()
                counts["issued"] += sum(found[0] for found in done.sums["issued"].values())
                counts.update(done.steps)
                if number % max(1, length // CHECKS) == 0 or number == length - 1:
                    assert problems(verify=number == length - 1) == [], f"seed {seed}, {number}"
                assert suspended_without_reason() == [], f"seed {seed}, day {number}"
        assert gaps() == [], f"seed {seed}"
    print(dict(counts))
    assert counts["issued"] >= length / 20
