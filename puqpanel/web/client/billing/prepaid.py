"""Prepaid services in the client area: what they cost, how long the credit lasts, and the cap."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField
from wtforms.validators import Optional

from puqpanel.domain.money import Money
from puqpanel.domain.permissions import CLIENT_BILLING_MANAGE, CLIENT_BILLING_VIEW
from puqpanel.domain.texts import Text
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import funds, prepaid_accounts
from puqpanel.web.forms import Form, _, save_or_show
from puqpanel.web.guard import actor, customer
from puqpanel.web.money_field import MoneyField

bp = Blueprint("prepaid", __name__, url_prefix="/prepaid")


class CapForm(Form):
    """The most that prepaid services may cost in a month."""

    cap = MoneyField(_("Monthly spending cap"), [Optional()])
    currency = HiddenField()


@bp.route("/", methods=["GET", "POST"])
@customer(CLIENT_BILLING_VIEW, writing=CLIENT_BILLING_MANAGE)
def show() -> ResponseReturnValue:
    """Show prepaid services with their debits, and set the cap."""
    current = actor().client
    if current is None:
        return redirect(url_for("client.documents.index"))
    client = find_client(current.uuid)
    outlook = prepaid_accounts.outlook(client)
    form = CapForm(data={"cap": outlook.cap if outlook else None})
    form.currency.data = client.currency

    def save() -> tuple[Text, str]:
        value = form.cap.data
        cap = None if value is None else Money.from_major(value, client.currency)
        prepaid_accounts.set_own_cap(actor=actor(), cap=cap)
        return _("Spending cap saved."), url_for("client.prepaid.show")

    return save_or_show(
        form,
        save,
        "client/billing/prepaid.html",
        outlook=outlook,
        debits=prepaid_accounts.debits_of(client.id),
        currency=client.currency,
        adds_funds=funds.is_offered() and actor().may(CLIENT_BILLING_MANAGE),
        manages=actor().may(CLIENT_BILLING_MANAGE),
        back=url_for("client.documents.index"),
    )
