"""Staff pages for orders: the list, and an order with its quote, document and services."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from puqpanel.domain.money import Money
from puqpanel.domain.permissions import ORDERS_VIEW
from puqpanel.models import Client, Document, Order
from puqpanel.operations.ordering import orders
from puqpanel.web.documents import shown_days, shown_state
from puqpanel.web.forms import _
from puqpanel.web.guard import allow
from puqpanel.web.list_filters import Filter, date_filter, uuid_starts
from puqpanel.web.list_page import Column
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort

bp = Blueprint("orders", __name__, url_prefix="/orders")

ORDERS = Listing(
    sa.select(
        Order.id,
        Order.uuid,
        Order.status,
        Order.currency,
        Order.total_minor,
        Order.placed_by,
        Order.created_at,
        Client.name.label("client"),
        Client.uuid.label("client_uuid"),
        Document.status.label("document_status"),
        Document.due_on,
    )
    .join(Client, Client.id == Order.client_id)
    .outerjoin(Document, Document.id == Order.document_id),
    key=Order.id,
    sorts={"new": Sort(Order.id, descending=True)},
    filters={
        "client": Filter(_("Client"), lambda uuid: Client.uuid == uuid),
        "created": date_filter(_("Placed"), Order.created_at),
    },
    search=lambda text: sa.or_(Client.matches(text), uuid_starts(Order.uuid, text)),
    columns={
        "order": Column(_("Order"), lambda row: row.id),
        "client": Column(_("Client"), lambda row: row.client),
        "payment": Column(_("Payment"), lambda row: row.document_status or ""),
        "total": Column(_("Total"), lambda row: Money(row.total_minor, row.currency).major),
        "currency": Column(_("Currency"), lambda row: row.currency, export_only=True),
        "placed": Column(_("Placed"), lambda row: row.created_at),
        "by": Column(_("By"), lambda row: row.placed_by, export_only=True),
        "uuid": Column("UUID", lambda row: row.uuid, export_only=True),
    },
    noun="orders",
    placeholder=_("Client or ID"),
)


@bp.get("/")
@allow(ORDERS_VIEW)
def index() -> ResponseReturnValue:
    """List orders."""
    return list_view(
        ORDERS, "orders", "admin/ordering/orders/index.html", Money=Money, state=shown_state
    )


@bp.get("/<uuid>")
@allow(ORDERS_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Show an order: the quote as it was accepted, its document and its services."""
    return render_template(
        "admin/ordering/orders/show.html",
        order=orders.find_order(uuid),
        Money=Money,
        state=shown_state,
        days=_days,
    )


def _days(line: Mapping[str, Any]) -> str:
    """Return the first and the last day that a line of a quote pays for."""
    if not line["start"]:
        return ""
    return shown_days(date.fromisoformat(line["start"]), date.fromisoformat(line["end"]))
