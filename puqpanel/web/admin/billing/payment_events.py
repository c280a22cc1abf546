"""Staff pages for the webhook events of gateways."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.payment_states import EventStatus
from puqpanel.domain.permissions import PAYMENTS_MANAGE, PAYMENTS_VIEW
from puqpanel.infra.redact import redact, redact_text
from puqpanel.models import ConfiguredModule, PaymentEvent
from puqpanel.operations.billing import gateways, payment_events
from puqpanel.web.admin.billing.payments import gateway_name
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.forms import _, _c
from puqpanel.web.guard import actor, allow
from puqpanel.web.list_filters import Filter, date_filter, uuid_starts
from puqpanel.web.list_page import Column, Tab
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort
from puqpanel.web.statuses import STATUSES

bp = Blueprint("payment_events", __name__, url_prefix="/payments/events")
UNREAD = (EventStatus.FAILED, EventStatus.REJECTED)

EVENTS = Listing(
    sa.select(
        PaymentEvent.uuid,
        PaymentEvent.created_at,
        PaymentEvent.gateway,
        ConfiguredModule.title.label("gateway_title"),
        PaymentEvent.status,
        PaymentEvent.deliveries,
        PaymentEvent.note,
    )
    .select_from(PaymentEvent)
    .outerjoin(ConfiguredModule, ConfiguredModule.uuid == PaymentEvent.gateway),
    key=PaymentEvent.id,
    sorts={"new": Sort(PaymentEvent.id, descending=True)},
    tabs={
        "all": Tab(_("All")),
        "failed": Tab(
            _c("payment events", "Failed"),
            PaymentEvent.status.in_(UNREAD),
            tuple(sa.select(PaymentEvent.id).where(PaymentEvent.status == each) for each in UNREAD),
        ),
    },
    filters={
        "gateway": Filter(
            _("Gateway"),
            lambda key: PaymentEvent.gateway == key,
            choices=lambda: list(gateways.titles().items()),
        ),
        "status": Filter(
            _("Status"),
            lambda key: PaymentEvent.status == key if key in set(EventStatus) else None,
            choices=lambda: [(key, each.word) for key, each in STATUSES["payment_event"].items()],
        ),
        "time": date_filter(_("Received"), PaymentEvent.created_at),
    },
    search=lambda text: uuid_starts(PaymentEvent.uuid, text),
    columns={
        "received": Column(_("Received"), lambda row: row.created_at),
        "gateway": Column(_("Gateway"), lambda row: gateway_name(row.gateway_title, row.gateway)),
        "status": Column(_("Status"), lambda row: row.status),
        "deliveries": Column(_("Deliveries"), lambda row: row.deliveries),
        "note": Column(_("Note"), lambda row: row.note),
        "uuid": Column("UUID", lambda row: row.uuid, export_only=True),
    },
    noun="events",
    placeholder=_("ID"),
)


@bp.get("/")
@allow(PAYMENTS_VIEW)
def index() -> ResponseReturnValue:
    """List events."""
    return list_view(
        EVENTS,
        "payment-events",
        "admin/billing/payments/events.html",
        gateway_name=gateway_name,
    )


@bp.get("/<uuid>")
@allow(PAYMENTS_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Show an event as it arrived, without secrets."""
    row = payment_events.find_event(uuid)
    event = payment_events.content(row)
    return render_template(
        "admin/billing/payments/event.html",
        row=row,
        gateway=gateway_name(gateways.titles().get(row.gateway), row.gateway),
        has_gateway=row.gateway in gateways.titles(),
        body=_shown_body(event.body),
        headers=_shown_headers(event.headers),
        unread=row.status in UNREAD,
    )


@bp.post("/<uuid>/read")
@allow(PAYMENTS_MANAGE)
def read(uuid: str) -> ResponseReturnValue:
    """Read an event again that could not be read."""
    payment_events.find_event(uuid)
    with flashed_errors():
        payment_events.read_again(actor=actor(), uuid=uuid)
        flash(_("The event is read again in the background."), "busy")
    return redirect(url_for("admin.payment_events.show", uuid=uuid))


def _shown_body(body: bytes) -> str:
    """Return a body as text, JSON indented, with secrets masked; as Base64 if it is no text."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode()
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return redact_text(text)
    return redact_text(json.dumps(redact(parsed), indent=2, ensure_ascii=False))


def _shown_headers(headers: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in sorted(redact(dict(headers)).items()))
