"""Prepaid services at chosen moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
import time_machine

from puqpanel.domain.money import Money
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session, transaction
from puqpanel.models import Client, Debit, Service
from puqpanel.operations.billing import books, debits, ledger, payments
from puqpanel.operations.billing.companies import company_for
from puqpanel.operations.billing.payments import Received
from puqpanel.operations.catalog import prices, products
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.provisioning import requests, services
from tests.operations.billing.conftest import STAFF


def when(text: str, **later: int) -> Any:
    """Travel to a moment in UTC."""
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(**later)
    return time_machine.travel(moment, tick=False)


def prepaid_product(price: str = "0.10", period: str = "hourly", setup: str = "0", **columns: Any):
    """Return the UUID of a prepaid product with a price in euros."""
    made = products.save_product(
        actor=STAFF, uuid=None, name=f"Cloud {period}", price=None, currency="EUR"
    )
    with transaction():
        product = products.find_product(made.uuid)
        for name, value in {
            "provisioning": "at_payment",
            "billing_mode": "prepaid",
            **columns,
        }.items():
            setattr(product, name, value)
    cell = Cell(period, "EUR", setup, price)
    prices.save_prices(actor=STAFF, product_uuid=made.uuid, cells=[cell])
    return str(made.uuid)


def active(client: Client, product: str, name: str = "Cloud") -> str:
    """Return the UUID of a service of a product that is active now."""
    service = services.create_service(
        actor=STAFF, client_uuid=client.uuid, product_uuid=product, name=name
    )
    request(service.uuid, "create")
    return str(service.uuid)


def request(service: str, verb: str) -> None:
    """Have a verb of a service done."""
    assert requests.request(actor=STAFF, service_uuid=service, verb=verb).ok


def top_up(client: Client, amount: str) -> None:
    """Add credit."""
    payments.receive(
        actor=STAFF,
        client_uuid=client.uuid,
        company=company_for(client),
        received=Received(Money.from_major(amount, "EUR")),
    )


def debit() -> int:
    """Charge what is due."""
    return debits.run(actor=AUTOMATION)


def rows() -> list[Debit]:
    """Return all debits, the oldest first."""
    session().rollback()
    session().expire_all()
    return list(session().scalars(sa.select(Debit).order_by(Debit.starts_at, Debit.id)))


def credit(client: Client) -> str:
    """Return the credit of a client."""
    session().rollback()
    return str(ledger.credit(client, company_for(client)).major)


def problems() -> list[str]:
    """Return what is wrong with the books."""
    session().rollback()
    found = [*books.check(), *books.verify()]
    return [f"{each.subject}: {each.text}" for step in found for each in step.problems]


def status(uuid: str) -> str:
    """Return the status of a service."""
    session().rollback()
    session().expire_all()
    return str(session().scalars(sa.select(Service).where(Service.uuid == uuid)).one().status)
