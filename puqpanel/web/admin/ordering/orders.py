"""Staff pages for orders: the list, and an order with its quote, document and services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain import order_risks
from puqpanel.domain.document_states import KIND_LABELS
from puqpanel.domain.money import Money
from puqpanel.domain.order_states import LABELS, NOT_PLACED, OrderStatus
from puqpanel.domain.permissions import ORDERS_VIEW
from puqpanel.domain.texts import _
from puqpanel.infra.db import session
from puqpanel.models import (
    Allocation,
    Client,
    Company,
    Document,
    Order,
    OrderItem,
    Payment,
    Service,
)
from puqpanel.operations.billing import gateways
from puqpanel.operations.ordering import cancellation, offers, orders, selections
from puqpanel.operations.system import audit
from puqpanel.web.admin.ordering import drafts
from puqpanel.web.documents import shown_day, shown_days, shown_state
from puqpanel.web.guard import actor, allow
from puqpanel.web.list_filters import Filter, date_filter, uuid_starts
from puqpanel.web.list_page import Column, Rows, Tab
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort

bp = Blueprint("orders", __name__, url_prefix="/orders")


def _number_is(text: str) -> sa.ColumnElement[bool]:
    """Match an order by its number, with or without “#”."""
    digits = text.strip().removeprefix("#")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 15:
        return sa.false()
    return sa.and_(Order.id == int(digits), Order.status.not_in(NOT_PLACED))


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
        Document.paid_minor,
        Document.due_on,
        Company.zone,
    )
    .join(Client, Client.id == Order.client_id)
    .outerjoin(Document, Document.id == Order.document_id)
    .outerjoin(Company, Company.id == Document.company_id),
    key=Order.id,
    sorts={"new": Sort(Order.id, descending=True)},
    tabs={
        "all": Tab(_("All")),
        "waiting": Tab(LABELS[OrderStatus.WAITING], Order.status == OrderStatus.WAITING),
        "drafts": Tab(_("Drafts"), Order.status == OrderStatus.DRAFT),
        "offered": Tab(LABELS[OrderStatus.OFFERED], Order.status == OrderStatus.OFFERED),
        "placed": Tab(LABELS[OrderStatus.PLACED], Order.status == OrderStatus.PLACED),
        "fraud": Tab(LABELS[OrderStatus.FRAUD], Order.status == OrderStatus.FRAUD),
        "cancelled": Tab(LABELS[OrderStatus.CANCELLED], Order.status == OrderStatus.CANCELLED),
    },
    filters={
        "client": Filter(_("Client"), lambda uuid: Client.uuid == uuid),
        "created": date_filter(_("Placed"), Order.created_at),
    },
    search=lambda text: sa.or_(
        Client.matches(text), uuid_starts(Order.uuid, text), _number_is(text)
    ),
    columns={
        "order": Column(_("Order"), lambda row: "" if row.status in NOT_PLACED else row.id),
        "client": Column(_("Client"), lambda row: row.client),
        "status": Column(_("Status"), lambda row: row.status),
        "payment": Column(_("Payment"), lambda row: row.document_status or ""),
        "total": Column(_("Total"), lambda row: Money(row.total_minor, row.currency).major),
        "currency": Column(_("Currency"), lambda row: row.currency, export_only=True),
        "placed": Column(_("Placed"), lambda row: row.created_at),
        "by": Column(_("By"), lambda row: row.placed_by, export_only=True),
        "uuid": Column("UUID", lambda row: row.uuid, export_only=True),
    },
    noun="orders",
    placeholder=_("Number, client or ID"),
)


@bp.get("/")
@allow(ORDERS_VIEW)
def index() -> ResponseReturnValue:
    """List orders."""
    return list_view(
        ORDERS,
        "orders",
        "admin/ordering/orders/index.html",
        Money=Money,
        state=shown_state,
        not_placed=NOT_PLACED,
        about_rows=_expired,
    )


def _expired(rows: Rows) -> dict[str, Any]:
    """Return the orders whose offer is past its last day, before the job closes it."""
    offered = {row.id for row in rows if row.status == OrderStatus.OFFERED}
    return {"expired": offers.expired(offered)}


@bp.get("/of-service/<service>")
@allow(ORDERS_VIEW)
def of_service(service: str) -> ResponseReturnValue:
    """Redirect to the order of a service, whose own page then needs no query for it."""
    query = (
        sa.select(Order.uuid)
        .join(OrderItem, OrderItem.order_id == Order.id)
        .join(Service, Service.id == OrderItem.service_id)
        .where(Service.uuid == service)
    )
    uuid = session().scalar(query)
    return redirect(url_for("admin.orders.show", uuid=uuid)) if uuid else abort(404)


@bp.get("/<uuid>")
@allow(ORDERS_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Show an order with its quote, documents, payments, services and risk notes; or a draft."""
    order = orders.find_order(uuid)
    if order.status in NOT_PLACED:
        return drafts.page(order)
    found = _documents(order)
    return render_template(
        "admin/ordering/orders/show.html",
        order=order,
        documents=found,
        kinds=KIND_LABELS,
        payments=_payments(found),
        gateway_titles=gateways.titles(),
        selections=selections.of_order(order),
        risks=[order_risks.text(note) for note in order.risks or ()],
        Money=Money,
        state=shown_state,
        day=shown_day,
        days=_days,
        timeline=audit.timeline(actor(), "order", uuid, 20),
    )


def _documents(order: Order) -> Sequence[Document]:
    """Return the documents of an order, and the credit notes of them."""
    own = [document.id for document in cancellation.documents_of(order)]
    query = sa.select(Document).where(sa.or_(Document.id.in_(own), Document.corrects_id.in_(own)))
    return session().scalars(query.order_by(Document.id)).all()


def _payments(found: Sequence[Document]) -> Sequence[Any]:
    """Return what was allocated to documents, with the payment, if it was not credit."""
    query = (
        sa.select(Allocation, Payment)
        .outerjoin(Payment, Payment.id == Allocation.payment_id)
        .where(Allocation.document_id.in_([document.id for document in found]))
        .order_by(Allocation.id)
    )
    return session().execute(query).all()


def _days(line: Mapping[str, Any]) -> str:
    """Return the first and the last day that a line of a quote pays for."""
    if not line["start"]:
        return ""
    return shown_days(date.fromisoformat(line["start"]), date.fromisoformat(line["end"]))
