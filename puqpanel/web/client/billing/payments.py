"""Pay documents in the client area, follow payments, and manage saved payment methods."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, HiddenField, RadioField

from puqpanel.domain.money import Money
from puqpanel.domain.payment_states import AWAITED, AttemptStatus
from puqpanel.domain.permissions import CLIENT_BILLING_MANAGE, CLIENT_BILLING_VIEW
from puqpanel.domain.texts import Text
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import ConfiguredModule, Payment, PaymentAttempt
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import (
    attempts,
    documents,
    gateways,
    method_charges,
    payment_methods,
)
from puqpanel.operations.modules import configured_modules
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.documents import shown_day
from puqpanel.web.forms import Form, _, save_or_show
from puqpanel.web.guard import actor, customer
from puqpanel.web.money_field import MoneyField

bp = Blueprint("payments", __name__, url_prefix="/payments")
MAX_ROWS = 100
MAX_DOCUMENTS = 50
METHOD = "method:"
"""Before the UUID of a saved method, where a gateway can be chosen too."""
FOLLOWED_FOR = timedelta(minutes=15)
"""How long the page of a charge reloads itself."""


class PayForm(Form):
    """The gateway or saved method, and how much is paid."""

    gateway = RadioField(_("Payment method"), choices=[])
    amount = MoneyField(_("Amount"))
    currency = HiddenField()
    save_method = BooleanField(_("Save this payment method for later invoices"))


@bp.route("/new", methods=["GET", "POST"])
@customer(CLIENT_BILLING_MANAGE)
def create() -> ResponseReturnValue:
    """Choose a gateway or a saved method for documents, and start a payment."""
    uuids = list(dict.fromkeys(request.values.getlist("documents")))[:MAX_DOCUMENTS]
    chosen = [documents.find_document_of(actor(), uuid) for uuid in uuids]
    back = url_for("client.documents.index")
    if len(uuids) == 1:
        back = url_for("client.documents.show", uuid=uuids[0])
    method_uuid = _method(request.form.get("gateway", ""))
    with flashed_errors():
        total = attempts.check_together(chosen)
        offered = gateways.offered(chosen[0].company, total.currency)
        methods = method_charges.chargeable_methods(chosen[0].client, chosen[0])
        choices = [(METHOD + row.uuid, payment_methods.label(row)) for row in methods]
        choices += [(row.uuid, row.title) for row in offered]
        form = PayForm(data={"gateway": choices[0][0] if choices else ""})
        form.gateway.choices = choices
        form.currency.data = total.currency
        if request.method == "GET":
            form.amount.data = total.major

        def save() -> tuple[Text | str, str]:
            amount = _amount(form, total)
            if method_uuid:
                charged = method_charges.charge_own(
                    actor=actor(), method_uuid=method_uuid, document_uuids=uuids, amount=amount
                )
                return "", url_for("client.payments.show", uuid=charged.uuid)
            attempt = attempts.open_attempt(
                actor=actor(),
                gateway_uuid=form.gateway.data,
                document_uuids=uuids,
                amount=amount,
                save_method=bool(form.save_method.data) and _saves(offered, form.gateway.data),
            )
            attempts.start(actor=actor(), uuid=attempt.uuid)
            return "", url_for("client.payments.show", uuid=attempt.uuid, go=1)

        return save_or_show(
            form,
            save,
            "client/billing/payments/new.html",
            chosen=chosen,
            total=total,
            choices=choices,
            has_methods=bool(methods),
            can_save={row.uuid for row in offered if gateways.supports(row, "charge")},
            has_part=len(chosen) == 1 and chosen[0].kind != "proforma",
            awaited=[row for each in chosen if (row := attempts.awaited_payment(each))],
            charges=method_charges.charges_in_flight([each.id for each in chosen]),
            back=back,
        )
    return redirect(back)


def _method(value: str) -> str:
    """Return the UUID of a chosen saved method; empty if a gateway was chosen.

    Raises:
        NotFoundError: it does not exist or belongs to another client.
    """
    if not value.startswith(METHOD):
        return ""
    return payment_methods.find_own(actor(), value.removeprefix(METHOD)).uuid


def _amount(form: PayForm, total: Money) -> Money | None:
    """Return the part that is paid; None for all that is open."""
    if form.amount.data is None:
        return None
    amount = Money.from_major(form.amount.data, total.currency)
    return None if amount == total else amount


def _saves(offered: Sequence[ConfiguredModule], uuid: str) -> bool:
    return any(row.uuid == uuid and gateways.supports(row, "charge") for row in offered)


@bp.get("/<uuid>")
@customer(CLIENT_BILLING_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Show how to pay an attempt, or how it ended."""
    attempt = attempts.find_own(actor(), uuid)
    paid = _payments(Payment.attempt_id == attempt.id)
    awaited = next((row for row in paid if row.status in AWAITED), None)
    checked = attempts.has_parked(attempt)
    is_charge = attempt.method is not None
    processing = is_charge and attempt.status in method_charges.IN_FLIGHT
    processing = processing and awaited is None and not checked
    is_open = attempt.status == AttemptStatus.OPEN and awaited is None and not checked
    is_open = is_open and not is_charge
    called = None
    if is_open and not attempt.url:
        called = attempts.page(actor=actor(), attempt=attempt)
    return render_template(
        "client/billing/payments/show.html",
        attempt=attempt,
        description=attempts.describe(attempt),
        payments=paid,
        awaited=awaited,
        checked=checked,
        failed=next((row for row in paid if row.status in ("failed", "cancelled")), None),
        is_open=is_open,
        goes=is_open and bool(attempt.url) and "go" in request.args,
        returned="returned" in request.args,
        processing=processing,
        method=payment_methods.label(attempt.method) if attempt.method is not None else "",
        busy=(processing and attempt.created_at > now() - FOLLOWED_FOR)
        or (attempt.status == AttemptStatus.OPEN and ("returned" in request.args or awaited)),
        called=called,
        gateway=configured_modules.find_instance(attempt.gateway, gateways.TYPE),
        day=shown_day,
    )


@bp.get("/<uuid>/return")
@customer(CLIENT_BILLING_VIEW)
def arrive(uuid: str) -> ResponseReturnValue:
    """Ask the gateway about an attempt when the client returns from its page."""
    attempts.check(actor=actor(), uuid=uuid)
    return redirect(url_for("client.payments.show", uuid=uuid, returned=1))


@bp.get("/")
@customer(CLIENT_BILLING_VIEW)
def index() -> ResponseReturnValue:
    """List the client's payments, and its saved payment methods."""
    client = actor().client
    client_id = client.id if client else None
    titles = {row.uuid: row.title for row in configured_modules.list_instances(gateways.TYPE)}
    return render_template(
        "client/billing/payments/index.html",
        rows=_payments(Payment.client_id == client_id),
        open_attempts=_open_attempts(client_id),
        methods=payment_methods.methods_of(find_client(client.uuid)) if client else [],
        label=payment_methods.label,
        describe=attempts.describe,
        titles=titles,
        day=shown_day,
    )


@bp.post("/methods/<uuid>/automatic")
@customer(CLIENT_BILLING_MANAGE)
def set_automatic(uuid: str) -> ResponseReturnValue:
    """Choose the method that pays automatically, or none."""
    payment_methods.find_own(actor(), uuid)  # 404 rather than a message
    automatic = request.form.get("automatic") == "1"
    with flashed_errors():
        payment_methods.set_automatic(actor=actor(), uuid=uuid, automatic=automatic)
        flash(
            _("Invoices will be paid automatically.")
            if automatic
            else _("Invoices will no longer be paid automatically."),
            "good",
        )
    return redirect(url_for("client.payments.index"))


@bp.post("/methods/<uuid>/remove")
@customer(CLIENT_BILLING_MANAGE)
def remove_method(uuid: str) -> ResponseReturnValue:
    """Remove a saved method."""
    payment_methods.find_own(actor(), uuid)  # 404 rather than a message
    with flashed_errors():
        payment_methods.remove(actor=actor(), uuid=uuid)
        flash(_("Payment method removed."), "good")
    return redirect(url_for("client.payments.index"))


def _payments(condition: sa.ColumnElement[bool]) -> Sequence[Payment]:
    query = sa.select(Payment).where(condition, Payment.status != "parked")
    return session().scalars(query.order_by(Payment.id.desc()).limit(MAX_ROWS)).all()


def _open_attempts(client_id: int | None) -> Sequence[PaymentAttempt]:
    """Return attempts that the client can still pay and has not."""
    has_payment = sa.exists().where(
        Payment.attempt_id == PaymentAttempt.id, Payment.status.in_((*AWAITED, "succeeded"))
    )
    query = sa.select(PaymentAttempt).where(
        PaymentAttempt.client_id == client_id,
        PaymentAttempt.status == AttemptStatus.OPEN,
        PaymentAttempt.method_id.is_(None),
        ~has_payment,
    )
    rows = session().scalars(query.order_by(PaymentAttempt.id.desc()).limit(20)).all()
    return [row for row in rows if all(each.document.open for each in row.documents)]
