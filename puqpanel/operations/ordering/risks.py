"""Which orders wait for staff, and the facts that staff see of them.

Facts are what the panel knows when the order is placed; nothing is guessed and nothing is scored.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.order_risks import IP_ORDERS, NEW_CLIENT_HOURS, Risk, vat_country
from puqpanel.domain.order_states import NOT_PLACED, Acceptance, OrderStatus
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.tax_rules import VatStatus
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Client, Document, Order
from puqpanel.operations.billing.overdue import is_overdue
from puqpanel.operations.system import settings


def status_for(actor: Principal, client: Client) -> OrderStatus:
    """Return the status of a new order of a locked client: whether it waits for acceptance.

    What staff place, or have offered, is accepted.
    """
    policy = settings.get("shop.acceptance")
    if actor.kind is not PrincipalKind.USER or actor.impersonated_by or policy == Acceptance.NEVER:
        return OrderStatus.PLACED
    if policy == Acceptance.FIRST and _count(client, OrderStatus.PLACED):
        return OrderStatus.PLACED
    return OrderStatus.WAITING


def facts(actor: Principal, client: Client) -> list[dict[str, Any]]:
    """Return the facts about a new order of a client, as the order stores them."""
    found: list[dict[str, Any]] = []
    if not _count(client, *(status for status in OrderStatus if status not in NOT_PLACED)):
        found.append({"risk": Risk.FIRST_ORDER})
    age = now() - client.created_at
    if age < timedelta(hours=NEW_CLIENT_HOURS):
        found.append({"risk": Risk.NEW_CLIENT, "hours": int(age.total_seconds() // 3600) + 1})
    of_vat = vat_country(client.vat_number)
    if of_vat and client.country and of_vat != client.country:
        found.append({"risk": Risk.VAT_COUNTRY, "vat": of_vat, "country": client.country})
    if client.vat_status == VatStatus.REFUSED:
        found.append({"risk": Risk.VAT_REFUSED})
    if overdue := _overdue(client):
        found.append({"risk": Risk.OVERDUE, "count": overdue})
    if fraud := _count(client, OrderStatus.FRAUD):
        found.append({"risk": Risk.CLIENT_FRAUD, "count": fraud})
    if ip := address(actor):
        found += _of_address(ip, client)
    return [{**note, "risk": str(note["risk"])} for note in found]


def address(actor: Principal) -> str:
    """Return the address of a customer; empty for staff, whose address says nothing."""
    customers = (PrincipalKind.USER, PrincipalKind.LINK)
    if actor.kind not in customers or actor.impersonated_by:
        return ""
    return actor.ip[:45]


def _count(client: Client, *statuses: OrderStatus) -> int:
    query = sa.select(sa.func.count(Order.id)).where(
        Order.client_id == client.id, Order.status.in_(statuses)
    )
    return session().scalar(query) or 0


def _overdue(client: Client) -> int:
    query = sa.select(sa.func.count(Document.id)).where(
        Document.client_id == client.id,
        Document.kind == DocumentKind.INVOICE,
        is_overdue(),
    )
    return session().scalar(query) or 0


def _of_address(ip: str, client: Client) -> list[dict[str, Any]]:
    """Return the facts about an address: recent orders, and orders that were fraud."""
    clients = sa.select(Order.client_id).where(
        Order.ip == ip, Order.created_at > now() - timedelta(hours=1)
    )
    recent = session().scalars(clients).all()
    fraud = session().scalar(
        sa.select(sa.func.count(Order.id)).where(
            Order.ip == ip, Order.status == OrderStatus.FRAUD, Order.client_id != client.id
        )
    )
    found: list[dict[str, Any]] = []
    if len(recent) + 1 >= IP_ORDERS:
        count = len({*recent, client.id})
        found.append({"risk": Risk.IP_ORDERS, "count": len(recent) + 1, "clients": count, "ip": ip})
    if fraud:
        found.append({"risk": Risk.IP_FRAUD, "count": fraud})
    return found
