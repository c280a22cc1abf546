"""Staff pages that refund a payment, and enter the outcome of a refund."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, RadioField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import PAYMENTS_MANAGE
from puqpanel.domain.texts import Text
from puqpanel.models import Document, Payment
from puqpanel.models.columns import new_uuid
from puqpanel.operations.billing import gateways, refunds
from puqpanel.web.admin.billing.payments import allocations_of, crumbs
from puqpanel.web.answers import refused
from puqpanel.web.forms import Form, _, choices, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.money_field import MoneyField

bp = Blueprint("refunds", __name__, url_prefix="/payments")


class RefundForm(Form):
    """How much of a payment is refunded, and how."""

    amount = MoneyField(_("Amount"), [InputRequired(_("Enter an amount."))])
    currency = HiddenField()
    token = HiddenField()
    reason = StringField(_("Reason"), [InputRequired(_("Enter a reason.")), Length(max=500)])
    way = RadioField(_("Method"))


class OutcomeForm(Form):
    """How a refund or dispute ended."""

    outcome = RadioField(_("Outcome"), [InputRequired(_("Choose an outcome."))])
    reason = StringField(
        _("Reason"),
        [InputRequired(_("Enter a reason.")), Length(max=500)],
        description=_("How you know, such as “refund listed at the provider”."),
    )


@bp.route("/<uuid>/refund", methods=["GET", "POST"])
@allow(PAYMENTS_MANAGE)
def new(uuid: str) -> ResponseReturnValue:
    """Refund a payment, or record that it was refunded elsewhere."""
    payment = refunds.find_payment(uuid)
    page = url_for("admin.payments.show", uuid=uuid)
    if refused(lambda: refunds.check_received(payment)):
        return redirect(page)
    limit, through = refunds.refundable(payment), refunds.through_gateway(payment)
    form = RefundForm(
        data={
            "amount": limit,
            "currency": payment.currency,
            "token": new_uuid(),
            "way": "gateway" if through else "outside",
        }
    )
    form.currency.data = payment.currency
    form.amount.description = _("At most %(limit)s.", limit=limit) if limit else ""
    title = gateways.titles().get(payment.gateway, "")
    ways = [("gateway", _("Refund through %(gateway)s", gateway=title))] if through else []
    form.way.choices = choices([*ways, ("outside", _("Record a refund made elsewhere"))])

    def save() -> tuple[Text, str]:
        outside = form.way.data == "outside"
        refunds.request(
            actor=actor(),
            payment_uuid=uuid,
            amount=Money.from_major(form.amount.data, payment.currency),
            reason=form.reason.data or "",
            outside=outside,
            token=(form.token.data or "")[:64],
        )
        return _("Refund recorded.") if outside else _("Refund requested."), page

    return save_or_show(
        form,
        save,
        "admin/billing/payments/refund.html",
        payment=payment,
        limit=limit,
        invoices=_creditable(payment),
        crumbs=crumbs(payment),
    )


def _creditable(payment: Payment) -> list[Document]:
    """Return the invoices that a payment paid and that can be credited."""
    found = {document.id: document for _allocation, document in allocations_of(payment)}
    return [
        document
        for document in found.values()
        if document.kind == DocumentKind.INVOICE and document.status != "credited"
    ]


@bp.route("/refunds/<uuid>/outcome", methods=["GET", "POST"])
@allow(PAYMENTS_MANAGE)
def decide(uuid: str) -> ResponseReturnValue:
    """Enter the outcome of a refund or dispute that the gateway did not report."""
    refund = refunds.find_refund(uuid)
    page = url_for("admin.payments.show", uuid=refund.payment.uuid)
    if refused(lambda: refunds.check_undecided(refund)):
        return redirect(page)
    form = OutcomeForm()
    disputed = refund.kind == "dispute"
    form.outcome.choices = choices(
        [
            ("succeeded", _("Lost: the payer keeps the money")),
            ("failed", _("Won: the money came back")),
        ]
        if disputed
        else [
            ("succeeded", _("Succeeded: the payer gets the money")),
            ("failed", _("Failed: the money was not sent")),
        ]
    )

    def save() -> tuple[Text, str]:
        refunds.decide(
            actor=actor(),
            uuid=uuid,
            succeeded=form.outcome.data == "succeeded",
            reason=form.reason.data or "",
        )
        return _("Outcome recorded."), page

    return save_or_show(
        form,
        save,
        title=_("Outcome of the dispute of %(amount)s", amount=refund.amount)
        if disputed
        else _("Outcome of the refund of %(amount)s", amount=refund.amount),
        crumbs=crumbs(refund.payment),
        label=_("Save outcome"),
        consequence=_(
            "Look it up at the provider first. If no money left, the amount is credit of the"
            " client again."
        ),
    )
