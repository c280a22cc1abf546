"""Pay documents in the client area, follow payments, and manage saved payment methods."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, HiddenField, RadioField

from puqpanel.domain.money import Money
from puqpanel.domain.payment_states import AWAITED, AttemptStatus
from puqpanel.domain.permissions import CLIENT_BILLING_MANAGE, CLIENT_BILLING_VIEW
from puqpanel.domain.texts import Text
from puqpanel.infra.db import session
from puqpanel.models import ConfiguredModule, Payment, PaymentAttempt
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import attempts, documents, gateways, payment_methods
from puqpanel.operations.modules import configured_modules
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.documents import shown_day
from puqpanel.web.forms import Form, _, save_or_show
from puqpanel.web.guard import actor, customer
from puqpanel.web.money_field import MoneyField

bp = Blueprint("payments", __name__, url_prefix="/payments")
MAX_ROWS = 100
MAX_DOCUMENTS = 50


class PayForm(Form):
    """The gateway, and how much is paid."""

    gateway = RadioField(_("Payment method"), choices=[])
    amount = MoneyField(_("Amount"))
    currency = HiddenField()
    save_method = BooleanField(_("Save this payment method for later invoices"))


@bp.route("/new", methods=["GET", "POST"])
@customer(CLIENT_BILLING_MANAGE)
def create() -> ResponseReturnValue:
    """Choose a gateway for documents, and start a payment."""
    uuids = list(dict.fromkeys(request.values.getlist("documents")))[:MAX_DOCUMENTS]
    chosen = [documents.find_document_of(actor(), uuid) for uuid in uuids]
    back = url_for("client.documents.index")
    if len(uuids) == 1:
        back = url_for("client.documents.show", uuid=uuids[0])
    with flashed_errors():
        total = attempts.check_together(chosen)
        offered = gateways.offered(chosen[0].company, total.currency)
        form = PayForm(data={"gateway": offered[0].uuid if offered else ""})
        form.gateway.choices = [(row.uuid, row.title) for row in offered]
        form.currency.data = total.currency
        if request.method == "GET":
            form.amount.data = total.major

        def save() -> tuple[Text | str, str]:
            amount = _amount(form, total)
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
            offered=offered,
            can_save={row.uuid for row in offered if gateways.supports(row, "charge")},
            has_part=len(chosen) == 1 and chosen[0].kind != "proforma",
            awaited=[row for each in chosen if (row := attempts.awaited_payment(each))],
            back=back,
        )
    return redirect(back)


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
    is_open = attempt.status == AttemptStatus.OPEN and awaited is None and not checked
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
        busy=attempt.status == AttemptStatus.OPEN and ("returned" in request.args or awaited),
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
