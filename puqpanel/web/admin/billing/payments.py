"""Staff pages for payments."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint
from flask.typing import ResponseReturnValue

from puqpanel.domain.money import Money
from puqpanel.domain.permissions import PAYMENTS_VIEW
from puqpanel.models import Client, Payment
from puqpanel.web.documents import shown_day
from puqpanel.web.forms import _
from puqpanel.web.guard import allow
from puqpanel.web.list_filters import Filter, date_filter, uuid_starts
from puqpanel.web.list_page import Column
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort

bp = Blueprint("payments", __name__, url_prefix="/payments")

PAYMENTS = Listing(
    sa.select(
        Payment.uuid,
        Payment.status,
        Payment.gateway,
        Payment.outside_id,
        Payment.note,
        Payment.currency,
        Payment.minor,
        Payment.received_on,
        Client.name.label("client"),
        Client.uuid.label("client_uuid"),
    ).join(Client, Client.id == Payment.client_id),
    key=Payment.id,
    sorts={"new": Sort(Payment.id, descending=True)},
    filters={
        "client": Filter(_("Client"), lambda uuid: Client.uuid == uuid),
        "created": date_filter(_("Recorded"), Payment.created_at),
    },
    search=lambda text: sa.or_(
        Payment.outside_id == text.strip(), Client.matches(text), uuid_starts(Payment.uuid, text)
    ),
    columns={
        "client": Column(_("Client"), lambda row: row.client),
        "status": Column(_("Status"), lambda row: row.status),
        "amount": Column(_("Amount"), lambda row: Money(row.minor, row.currency).major),
        "currency": Column(_("Currency"), lambda row: row.currency, export_only=True),
        "received": Column(_("Received"), lambda row: row.received_on),
        "gateway": Column(_("Gateway"), lambda row: row.gateway),
        "note": Column(_("Note"), lambda row: row.note),
        "outside_id": Column(_("Transaction"), lambda row: row.outside_id, export_only=True),
        "uuid": Column("UUID", lambda row: row.uuid, export_only=True),
    },
    noun="payments",
    placeholder=_("Client, transaction or ID"),
)


@bp.get("/")
@allow(PAYMENTS_VIEW)
def index() -> ResponseReturnValue:
    """List payments."""
    return list_view(
        PAYMENTS, "payments", "admin/billing/payments/index.html", Money=Money, day=shown_day
    )
