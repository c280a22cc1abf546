"""Orders and changes on chosen days."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import time_machine

from puqpanel.domain.changes import Settlement
from puqpanel.domain.money import Money
from puqpanel.infra.db import session, transaction
from puqpanel.models import Change, Service
from puqpanel.operations.billing import payments
from puqpanel.operations.catalog import prices, products
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.ordering import changes, orders, plans
from puqpanel.operations.ordering.orders import Request
from puqpanel.operations.ordering.plans import Target
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.provisioning import requests
from puqpanel.operations.provisioning.services import find_service
from tests.operations.billing.conftest import STAFF


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def at(day: str) -> Any:
    """Travel to ten o'clock in Warsaw on a day."""
    local = datetime.fromisoformat(f"{day}T10:00:00").replace(tzinfo=ZoneInfo("Europe/Warsaw"))
    return time_machine.travel(local, tick=False)


def sold(name: str, cells: dict[str, str], **columns: Any) -> str:
    """Return the UUID of a product with prices in euros by period."""
    made = products.save_product(actor=STAFF, uuid=None, name=name, price=None, currency="EUR")
    rows = [Cell(period, "EUR", "0", price) for period, price in cells.items()]
    prices.save_prices(actor=STAFF, product_uuid=made.uuid, cells=rows)
    with transaction():
        product = products.find_product(made.uuid)
        for name, value in {"provisioning": "by_hand", **columns}.items():
            setattr(product, name, value)
    return str(made.uuid)


def buy(client: Any, product: str, period: str = "monthly", **more: Any) -> Any:
    """Order a product, pay and create its service; return the order."""
    choice = Choice(products.find_product(product), period)
    token = more.pop("token", product)
    order = orders.place(actor=STAFF, request=Request(client.uuid, [choice], token, **more))
    if order.document.status != "paid":
        payments.mark_paid(actor=STAFF, document_uuid=order.document.uuid, reason="cash")
    requests.request(actor=STAFF, service_uuid=order.items[0].service.uuid, verb="create")
    return order


def fresh(uuid: str) -> Service:
    session().rollback()
    session().expire_all()
    return find_service(uuid)


def settlement(uuid: str, product: str, period: str = "monthly") -> Settlement:
    """Return what a change of a service would cost."""
    target = Target(products.find_product(product), period)
    return plans.plan(STAFF, fresh(uuid), target).settlement


def change(uuid: str, product: str, period: str = "monthly") -> Change:
    """Change a service, and pay what is due."""
    target = Target(products.find_product(product), period)
    done = changes.request(actor=STAFF, change=changes.Request(uuid, target, product))
    if done.document is not None and done.document.status != "paid":
        payments.mark_paid(actor=STAFF, document_uuid=done.document.uuid, reason="cash")
    return done
