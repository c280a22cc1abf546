"""Staff pages for the credit of clients."""

from __future__ import annotations

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.money import Money
from puqpanel.domain.permissions import PAYMENTS_MANAGE
from puqpanel.domain.texts import Text
from puqpanel.models.columns import new_uuid
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import credit, ledger
from puqpanel.web.fields import CurrencyField
from puqpanel.web.forms import Form, _, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.money_field import MoneyField

bp = Blueprint("credit", __name__, url_prefix="/clients/<uuid>/credit")


class RefundForm(Form):
    """Credit that was paid back."""

    amount = MoneyField(_("Amount"), [InputRequired(_("Enter an amount."))])
    currency = CurrencyField(_("Currency"))
    token = HiddenField()
    reason = StringField(
        _("Note"),
        [InputRequired(_("Enter a note, such as the bank statement number.")), Length(max=500)],
        description=_("For your records, such as “bank statement 31”."),
    )


@bp.route("/refund", methods=["GET", "POST"])
@allow(PAYMENTS_MANAGE)
def refund(uuid: str) -> ResponseReturnValue:
    """Record a refund of credit."""
    client = find_client(uuid)
    page = url_for("admin.clients.show", uuid=uuid)
    available = ledger.credit(client)
    first = {"amount": available, "currency": client.currency, "token": new_uuid()}
    form = RefundForm(data=first)

    def save() -> tuple[Text, str]:
        credit.refund_credit(
            actor=actor(),
            client_uuid=uuid,
            amount=Money.from_major(form.amount.data, form.currency.data),
            reason=form.reason.data or "",
            token=(form.token.data or "")[:64],
        )
        return _("Refund recorded."), page

    return save_or_show(
        form,
        save,
        title=_("Refund credit to %(name)s", name=client.name),
        crumbs=[(str(_("Clients")), url_for("admin.clients.index")), (client.name, page)],
        label=_("Record refund"),
        consequence=_("Pay the money back yourself; this only records it."),
    )
