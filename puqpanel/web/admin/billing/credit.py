"""Staff pages for the credit of clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.money import Money
from puqpanel.domain.permissions import DOCUMENTS_ISSUE, PAYMENTS_MANAGE
from puqpanel.domain.texts import Text
from puqpanel.models import Company
from puqpanel.models.columns import new_uuid
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import companies, credit, funds, ledger
from puqpanel.web.answers import flashed_errors
from puqpanel.web.fields import CurrencyField
from puqpanel.web.forms import Form, _, choices, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.money_field import MoneyField

bp = Blueprint("credit", __name__, url_prefix="/clients/<uuid>/credit")


class RefundForm(Form):
    """Credit that was paid back."""

    amount = MoneyField(_("Amount"), [InputRequired(_("Enter an amount."))])
    currency = CurrencyField(_("Currency"))
    company = SelectField(
        _("Company"),
        choices=lambda: choices((each.uuid, each.name) for each in companies.companies()),
    )
    token = HiddenField()
    reason = StringField(
        _("Note"),
        [InputRequired(_("Enter a note, such as the bank statement number.")), Length(max=500)],
        description=_("For your records, such as “bank statement 31”."),
    )


class FundsForm(Form):
    """How much a client adds to its credit."""

    amount = MoneyField(_("Amount"), [InputRequired(_("Enter an amount."))])
    company = SelectField(
        _("Company"),
        choices=lambda: choices(
            (each.uuid, each.name) for each in companies.companies() if each.active
        ),
    )
    currency = HiddenField()
    token = HiddenField()


@bp.route("/add", methods=["GET", "POST"])
@allow(DOCUMENTS_ISSUE)
def add(uuid: str) -> ResponseReturnValue:
    """Issue a document whose payment becomes credit of the client."""
    client = find_client(uuid)
    page = url_for("admin.clients.show", uuid=uuid)
    with flashed_errors():
        company = companies.company_for(client)
        form = FundsForm(data={"token": new_uuid(), "company": company.uuid})
        form.currency.data = client.currency

        def save() -> tuple[Text, str]:
            document = funds.request(
                actor=actor(),
                client_uuid=uuid,
                amount=Money.from_major(form.amount.data, client.currency),
                company_uuid=form.company.data,
                token=(form.token.data or "")[:64],
            )
            shown = url_for("admin.documents.show", uuid=document.uuid)
            return _("%(number)s issued.", number=document.number), shown

        return save_or_show(
            form,
            save,
            title=_("Add funds for %(name)s", name=client.name),
            crumbs=[(str(_("Clients")), url_for("admin.clients.index")), (client.name, page)],
            label=_("Issue proforma"),
            consequence=_(
                "Issues a proforma in %(currency)s, without tax. Payments on it are added to the"
                " client's credit balance.",
                currency=client.currency,
            ),
        )
    return redirect(page)


@bp.route("/refund", methods=["GET", "POST"])
@allow(PAYMENTS_MANAGE)
def refund(uuid: str) -> ResponseReturnValue:
    """Record a refund of credit."""
    client = find_client(uuid)
    page = url_for("admin.clients.show", uuid=uuid)
    first = {"token": new_uuid(), "currency": client.currency}
    form = RefundForm(data=first | _chosen(ledger.credits_of(client)))

    def save() -> tuple[Text, str]:
        credit.refund_credit(
            actor=actor(),
            client_uuid=uuid,
            amount=Money.from_major(form.amount.data, form.currency.data),
            reason=form.reason.data or "",
            company_uuid=form.company.data,
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


def _chosen(credits_: Sequence[tuple[Company, Money]]) -> dict[str, Any]:
    """Return the fields of the credit that the URL names, or else of the first one."""
    wanted = request.args.get("company"), request.args.get("currency")
    positive = [each for each in credits_ if each[1].minor > 0]
    chosen = [each for each in positive if (each[0].uuid, each[1].currency) == wanted]
    for company, amount in (chosen or positive)[:1]:
        return {"company": company.uuid, "currency": amount.currency, "amount": amount}
    return {}
