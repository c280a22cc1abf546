"""Staff pages for payments: the list, and a payment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.money import Money
from puqpanel.domain.payment_states import AWAITED, LABELS, PaymentStatus, RefundStatus
from puqpanel.domain.permissions import PAYMENTS_MANAGE, PAYMENTS_VIEW, TASKS_VIEW
from puqpanel.infra.db import session
from puqpanel.models import (
    Allocation,
    Client,
    Company,
    ConfiguredModule,
    Document,
    Payment,
    PaymentAttempt,
    Refund,
)
from puqpanel.operations.billing import (
    gateways,
    payment_checks,
    payment_methods,
    refund_reports,
    refunds,
    suggested_documents,
)
from puqpanel.operations.oversight import tasks
from puqpanel.operations.system import audit
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.documents import shown_day
from puqpanel.web.forms import _, _c
from puqpanel.web.guard import actor, allow, can
from puqpanel.web.list_filters import Filter, date_filter, day_filter, uuid_starts
from puqpanel.web.list_page import Column, Rows, Tab
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort, Sum

bp = Blueprint("payments", __name__, url_prefix="/payments")
BY_STAFF = "staff"
"""Value of the gateway filter for payments that staff recorded."""


def _by_status(*statuses: PaymentStatus) -> tuple[sa.Select[int], ...]:
    return tuple(sa.select(Payment.id).where(Payment.status == status) for status in statuses)


def _gateway_choices() -> list[tuple[str, str]]:
    return [*gateways.titles().items(), (BY_STAFF, str(_("Recorded by staff")))]


def _company_choices() -> list[tuple[str, str]]:
    rows = session().execute(sa.select(Company.uuid, Company.name).order_by(Company.id))
    return [(uuid, name) for uuid, name in rows]


def gateway_name(title: str | None, key: str) -> str:
    """Return the name of the gateway of a payment.

    Args:
        title: of the gateway; None if it was deleted.
        key: what the payment has; empty if staff recorded it.
    """
    return title or key or str(_("Recorded by staff"))


PAYMENTS = Listing(
    sa.select(
        Payment.id,
        Payment.uuid,
        Payment.status,
        Payment.gateway,
        ConfiguredModule.title.label("gateway_title"),
        Payment.outside_id,
        Payment.payer,
        Payment.note,
        Payment.reason,
        Payment.currency,
        Payment.minor,
        Payment.fee_minor,
        Payment.received_on,
        Company.name.label("company"),
        Client.name.label("client"),
        Client.uuid.label("client_uuid"),
    )
    .select_from(Payment)
    .join(Company, Company.id == Payment.company_id)
    .outerjoin(Client, Client.id == Payment.client_id)
    .outerjoin(ConfiguredModule, ConfiguredModule.uuid == Payment.gateway),
    key=Payment.id,
    sorts={"new": Sort(Payment.id, descending=True)},
    tabs={
        "all": Tab(_("All")),
        "parked": Tab(
            _c("payments", "Parked"),
            Payment.status == PaymentStatus.PARKED,
            _by_status(PaymentStatus.PARKED),
        ),
        "pending": Tab(
            _c("payments", "Pending"), Payment.status.in_(AWAITED), _by_status(*AWAITED)
        ),
    },
    filters={
        "client": Filter(_("Client"), lambda uuid: Client.uuid == uuid),
        "status": Filter(
            _("Status"),
            lambda key: Payment.status == key if key in set(PaymentStatus) else None,
            choices=lambda: [(str(key), label) for key, label in LABELS.items()],
        ),
        "gateway": Filter(
            _("Gateway"),
            lambda key: Payment.gateway == ("" if key == BY_STAFF else key),
            choices=_gateway_choices,
        ),
        "company": Filter(
            _("Company"), lambda uuid: Company.uuid == uuid, choices=_company_choices
        ),
        "received": day_filter(_("Received"), Payment.received_on),
        "created": date_filter(_("Recorded"), Payment.created_at),
    },
    search=lambda text: sa.or_(
        Payment.outside_id == text.strip(), Client.matches(text), uuid_starts(Payment.uuid, text)
    ),
    columns={
        "gateway": Column(_("Payment"), lambda row: gateway_name(row.gateway_title, row.gateway)),
        "client": Column(_("Client"), lambda row: row.client or ""),
        "status": Column(_("Status"), lambda row: row.status),
        "received": Column(_("Received"), lambda row: row.received_on),
        "amount": Column(_("Amount"), lambda row: Money(row.minor, row.currency).major),
        "currency": Column(_("Currency"), lambda row: row.currency, export_only=True),
        "fee": Column(
            _("Fee"),
            lambda row: "" if row.fee_minor is None else Money(row.fee_minor, row.currency).major,
            export_only=True,
        ),
        "payer": Column(_("Payer"), lambda row: row.payer, export_only=True),
        "note": Column(_("Note"), lambda row: row.note, export_only=True),
        "reason": Column(_("Reason"), lambda row: row.reason, export_only=True),
        "company": Column(_("Company"), lambda row: row.company, export_only=True),
        "outside_id": Column(_("Transaction"), lambda row: row.outside_id, export_only=True),
        "uuid": Column("UUID", lambda row: row.uuid, export_only=True),
    },
    sum=Sum(Payment.minor, Payment.currency),
    noun="payments",
    placeholder=_("Client, transaction or ID"),
)


@bp.get("/")
@allow(PAYMENTS_VIEW)
def index() -> ResponseReturnValue:
    """List payments."""
    return list_view(
        PAYMENTS,
        "payments",
        "admin/billing/payments/index.html",
        _about_rows,
        Money=Money,
        day=shown_day,
        gateway_name=gateway_name,
    )


def _about_rows(rows: Rows) -> dict[str, Any]:
    return {"taken_back": _taken_back({row.id: row.minor for row in rows})}


def _taken_back(amounts: Mapping[int, int]) -> dict[int, str]:
    """Return which payments were refunded or disputed, as keys of the `refund` badge.

    Args:
        amounts: of the payments, by their ids.
    """
    query = (
        sa.select(Refund.payment_id, Refund.kind, sa.func.sum(Refund.minor))
        .where(Refund.payment_id.in_(amounts), Refund.status != RefundStatus.FAILED)
        .group_by(Refund.payment_id, Refund.kind)
    )
    found: dict[int, str] = {}
    for payment_id, kind, minor in session().execute(query):
        if kind == "dispute":
            found[payment_id] = "disputed"
        else:
            whole = int(minor) >= amounts[payment_id]
            found.setdefault(payment_id, "refunded" if whole else "partly_refunded")
    return found


@bp.get("/<uuid>")
@allow(PAYMENTS_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Show a payment with what it paid, its refunds and its timeline."""
    payment = refunds.find_payment(uuid)
    parked = payment.status == PaymentStatus.PARKED
    attempt = session().get(PaymentAttempt, payment.attempt_id) if payment.attempt_id else None
    titles = gateways.titles()
    return render_template(
        "admin/billing/payments/show.html",
        payment=payment,
        taken_back=_taken_back({payment.id: payment.minor}).get(payment.id, ""),
        attempt=attempt,
        method=payment_methods.label(attempt.method) if attempt and attempt.method else "",
        gateway=gateway_name(titles.get(payment.gateway), payment.gateway),
        has_gateway=payment.gateway in titles,
        fee=None if payment.fee_minor is None else Money(payment.fee_minor, payment.currency),
        allocations=allocations_of(payment),
        refundable=refunds.refundable(payment),
        undecided=refund_reports.AWAITED,
        awaited=payment.status in AWAITED,
        can_check=can(PAYMENTS_MANAGE) and payment_checks.can_check(payment),
        suggestions=suggested_documents.suggestions(payment) if parked else [],
        day=shown_day,
        Money=Money,
        tasks=tasks.tasks_about("payment", uuid, 5) if can(TASKS_VIEW) else [],
        timeline=audit.timeline(actor(), "payment", uuid, 20),
    )


@bp.post("/<uuid>/check")
@allow(PAYMENTS_MANAGE)
def check(uuid: str) -> ResponseReturnValue:
    """Ask the gateway about a payment."""
    refunds.find_payment(uuid)
    with flashed_errors():
        payment_checks.request(actor=actor(), uuid=uuid)
        flash(_("The gateway is asked in the background. Reload the page in a moment."), "busy")
    return redirect(url_for("admin.payments.show", uuid=uuid))


def allocations_of(payment: Payment) -> Sequence[Any]:
    """Return the allocations of a payment with their documents."""
    query = (
        sa.select(Allocation, Document)
        .join(Document, Document.id == Allocation.document_id)
        .where(Allocation.payment_id == payment.id)
        .order_by(Allocation.id)
    )
    return session().execute(query).all()


def crumbs(payment: Payment) -> list[tuple[str, str]]:
    """Return the links above a page about a payment."""
    return [
        (str(_("Payments")), url_for("admin.payments.index")),
        (payment.outside_id, url_for("admin.payments.show", uuid=payment.uuid)),
    ]
