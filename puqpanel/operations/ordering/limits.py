"""How much customers can order and change before they pay: orders hold stock, documents numbers."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain.document_states import OPEN
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Change, Client, Document, Order, OrderItem, Service

MAX_UNPAID = 20
"""How many unpaid orders of a client customers can place."""
MAX_CHANGES = 10
"""How many changes of a service customers can request within a day."""


def check_order(actor: Principal, client: Client) -> None:
    """Check that a customer does not collect unpaid orders, which hold stock and numbers.

    Raises:
        ConflictError: the client has too many.
    """
    if not _is_customer(actor):
        return
    waiting = sa.exists().where(
        OrderItem.order_id == Order.id,
        Service.id == OrderItem.service_id,
        Service.prepaid,
        Service.status == ServiceStatus.PENDING,
    )
    query = (
        sa.select(sa.func.count(Order.id))
        .outerjoin(Document, Document.id == Order.document_id)
        .where(Order.client_id == client.id, sa.or_(Document.status.in_(OPEN), waiting))
    )
    if (session().scalar(query) or 0) >= MAX_UNPAID:
        text = _("You already have %(limit)s unpaid orders. Pay one first.", limit=MAX_UNPAID)
        raise ConflictError(text)


def check_change(actor: Principal, service: Service) -> None:
    """Check that a customer does not change and withdraw on and on: each has its documents.

    Raises:
        ConflictError: too many were requested within a day.
    """
    if not _is_customer(actor):
        return
    query = sa.select(sa.func.count(Change.id)).where(
        Change.service_id == service.id, Change.created_at > now() - timedelta(days=1)
    )
    if (session().scalar(query) or 0) >= MAX_CHANGES:
        text = _(
            "This service can be changed %(limit)s times a day. Try again tomorrow.",
            limit=MAX_CHANGES,
        )
        raise ConflictError(text)


def _is_customer(actor: Principal) -> bool:
    return actor.kind is PrincipalKind.USER and actor.impersonated_by is None
