"""Staff pages for orders: the list, and an order with its quote, document and services."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.money import Money
from puqpanel.domain.permissions import ORDERS_MANAGE, ORDERS_VIEW
from puqpanel.domain.texts import Text
from puqpanel.models import Client, Document, Order
from puqpanel.operations.ordering import cancellation, orders
from puqpanel.web.documents import shown_days, shown_state
from puqpanel.web.forms import Form, _, save_or_show
from puqpanel.web.guard import actor, allow
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


class CancelForm(Form):
    """Why an order is cancelled."""

    reason = StringField(
        _("Reason"),
        [InputRequired(_("Enter a reason.")), Length(max=500)],
        description=_("Printed on the credit note, if there is one."),
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


@bp.route("/<uuid>/cancel", methods=["GET", "POST"])
@allow(ORDERS_MANAGE)
def cancel(uuid: str) -> ResponseReturnValue:
    """Cancel an order with its document and services."""
    order = orders.find_order(uuid)
    form = CancelForm()
    page = url_for("admin.orders.show", uuid=uuid)

    def save() -> tuple[Text, str]:
        cancellation.cancel(actor=actor(), uuid=uuid, **form.values("reason"))
        return _("Order cancelled."), page

    return save_or_show(
        form,
        save,
        title=_("Cancel order #%(number)s", number=order.id),
        crumbs=[
            (str(_("Orders")), url_for("admin.orders.index")),
            (f"#{order.id}", page),
        ],
        label=_("Cancel order"),
        consequence=_(
            "Its services are cancelled. A proforma is cancelled; an invoice is credited, and what"
            " was paid is added to the client's credit balance."
        ),
    )


def _days(line: Mapping[str, Any]) -> str:
    """Return the first and the last day that a line of a quote pays for."""
    if not line["start"]:
        return ""
    return shown_days(date.fromisoformat(line["start"]), date.fromisoformat(line["end"]))
