"""Add funds in the client area, and cancel what was not paid."""

from __future__ import annotations

import re
from decimal import Decimal

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField
from wtforms.validators import InputRequired

from puqpanel.domain.money import Money
from puqpanel.domain.permissions import CLIENT_BILLING_MANAGE
from puqpanel.domain.texts import Text
from puqpanel.models.columns import new_uuid
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import documents, funds, ledger
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.forms import Form, _, save_or_show
from puqpanel.web.guard import actor, customer
from puqpanel.web.money_field import MoneyField

bp = Blueprint("funds", __name__, url_prefix="/invoices")


class FundsForm(Form):
    """How much to add."""

    amount = MoneyField(_("Amount"), [InputRequired(_("Enter an amount."))])
    currency = HiddenField()
    token = HiddenField()


@bp.route("/add-funds", methods=["GET", "POST"])
@customer(CLIENT_BILLING_MANAGE)
def create() -> ResponseReturnValue:
    """Make a document to pay, which becomes credit."""
    current = actor().client
    assert current is not None
    client = find_client(current.uuid)
    index = url_for("client.documents.index")
    with flashed_errors():
        least, greatest = funds.limits(client.currency)
        form = FundsForm(data={"token": new_uuid(), "amount": _suggested(least)})
        form.currency.data = client.currency

        def save() -> tuple[Text, str]:
            document = funds.request_own(
                actor=actor(),
                amount=Money.from_major(form.amount.data, client.currency),
                token=(form.token.data or "")[:64],
            )
            page = url_for("client.documents.show", uuid=document.uuid)
            return _("Pay this proforma to add the funds."), page

        return save_or_show(
            form,
            save,
            "client/billing/add_funds.html",
            least=least,
            greatest=greatest,
            credits=ledger.credits_of(client),
            currency=client.currency,
            back=index,
        )
    return redirect(index)


def _suggested(least: Money) -> Decimal | None:
    """Return the amount that the page that links here wants, if it is one."""
    shown = request.args.get("amount", "")[:20]
    if not re.fullmatch(r"\d+(\.\d+)?", shown, re.ASCII):
        return None
    return max(Decimal(shown), least.major)


@bp.post("/<uuid>/cancel")
@customer(CLIENT_BILLING_MANAGE)
def cancel(uuid: str) -> ResponseReturnValue:
    """Cancel a document to add funds."""
    documents.find_document_of(actor(), uuid)  # 404 rather than a message
    with flashed_errors():
        funds.cancel_own(actor=actor(), uuid=uuid)
        flash(_("Proforma cancelled."), "good")
    return redirect(url_for("client.documents.show", uuid=uuid))
