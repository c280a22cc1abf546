"""Staff pages for what gateways paid out to the bank accounts of companies."""

from __future__ import annotations

from datetime import date
from typing import cast

import sqlalchemy as sa
from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from wtforms import DateField, HiddenField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.money import Money
from puqpanel.domain.payment_states import PayoutStatus
from puqpanel.domain.permissions import PAYMENTS_MANAGE, PAYMENTS_VIEW
from puqpanel.domain.texts import Text
from puqpanel.models import Company, ConfiguredModule, Payout
from puqpanel.models.columns import new_uuid
from puqpanel.operations.billing import gateways, ledger, payouts
from puqpanel.operations.billing.companies import companies
from puqpanel.web.admin.billing.payments import gateway_name
from puqpanel.web.answers import refused
from puqpanel.web.documents import shown_day
from puqpanel.web.fields import CurrencyField
from puqpanel.web.forms import Form, _, choices, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.list_filters import Filter, day_filter
from puqpanel.web.list_page import Column
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort
from puqpanel.web.money_field import MoneyField
from puqpanel.web.statuses import STATUSES

bp = Blueprint("payouts", __name__, url_prefix="/payments/payouts")

PAYOUTS = Listing(
    sa.select(
        Payout.uuid,
        Payout.paid_on,
        Payout.gateway,
        ConfiguredModule.title.label("gateway_title"),
        Company.name.label("company"),
        Payout.status,
        Payout.outside_id,
        Payout.note,
        Payout.reason,
        Payout.minor,
        Payout.currency,
    )
    .select_from(Payout)
    .join(Company, Company.id == Payout.company_id)
    .outerjoin(ConfiguredModule, ConfiguredModule.uuid == Payout.gateway),
    key=Payout.id,
    sorts={"new": Sort(Payout.paid_on, descending=True)},
    filters={
        "gateway": Filter(
            _("Gateway"),
            lambda key: Payout.gateway == key,
            choices=lambda: list(gateways.titles().items()),
        ),
        "status": Filter(
            _("Status"),
            lambda key: Payout.status == key if key in set(PayoutStatus) else None,
            choices=lambda: [(key, each.word) for key, each in STATUSES["payout"].items()],
        ),
        "day": day_filter(_("Day"), Payout.paid_on),
    },
    search=lambda text: Payout.outside_id.startswith(text, autoescape=True),
    columns={
        "day": Column(_("Day"), lambda row: row.paid_on),
        "gateway": Column(_("Gateway"), lambda row: gateway_name(row.gateway_title, row.gateway)),
        "company": Column(_("Company"), lambda row: row.company),
        "status": Column(_("Status"), lambda row: row.status),
        "amount": Column(_("Amount"), lambda row: Money(row.minor, row.currency)),
        "id": Column(_("Provider ID"), lambda row: row.outside_id, export_only=True),
        "note": Column(_("Note"), lambda row: row.note, export_only=True),
    },
    noun="payouts",
    placeholder=_("Provider ID"),
)


class PayoutForm(Form):
    """A payout that the gateway does not report."""

    gateway = SelectField(_("Gateway"))
    company = SelectField(_("Company"))
    currency = CurrencyField(_("Currency"))
    amount = MoneyField(_("Amount"), [InputRequired(_("Enter an amount."))])
    paid_on = DateField(_("Received on"), [InputRequired(_("Enter a valid date."))])
    note = StringField(
        _("Note"),
        [Length(max=500)],
        description=_("For example, the reference on the bank statement."),
    )
    token = HiddenField()


class RemoveForm(Form):
    """Why a payout is removed."""

    reason = StringField(_("Reason"), [InputRequired(_("Enter a reason.")), Length(max=500)])


@bp.get("/")
@allow(PAYMENTS_VIEW)
def index() -> ResponseReturnValue:
    """List payouts."""
    return list_view(
        PAYOUTS,
        "payouts",
        "admin/billing/payments/payouts.html",
        gateway_name=gateway_name,
        Money=Money,
        counted=payouts.COUNTED,
        day=shown_day,
    )


@bp.route("/new", methods=["GET", "POST"])
@allow(PAYMENTS_MANAGE)
def new() -> ResponseReturnValue:
    """Record a payout."""
    sellers, titles = companies(), gateways.titles()

    def check() -> None:
        if not titles or not sellers:
            raise ConflictError(_("Add a gateway and a company before you record payouts."))

    if refused(check):
        return redirect(url_for("admin.payouts.index"))
    today = ledger.today(sellers[0]) if sellers else None
    form = PayoutForm(data={"token": new_uuid(), "paid_on": today})
    form.gateway.choices = choices(list(titles.items()))
    form.company.choices = choices([(row.uuid, row.name) for row in sellers])

    def save() -> tuple[Text, str]:
        payout = payouts.enter(
            actor=actor(),
            gateway_uuid=form.gateway.data,
            company_uuid=form.company.data,
            amount=Money.from_major(form.amount.data, form.currency.data),
            paid_on=cast("date", form.paid_on.data),
            note=form.note.data or "",
            token=(form.token.data or "")[:64],
        )
        text = _("Payout of %(amount)s recorded.", amount=payout.amount)
        return text, url_for("admin.payouts.index")

    return save_or_show(
        form,
        save,
        title=_("Record payout"),
        crumbs=_crumbs(),
        label=_("Record payout"),
    )


@bp.route("/<uuid>/remove", methods=["GET", "POST"])
@allow(PAYMENTS_MANAGE)
def remove(uuid: str) -> ResponseReturnValue:
    """Remove a payout that was recorded by mistake."""
    payout = payouts.find_payout(uuid)
    if refused(lambda: payouts.check_counted(payout)):
        return redirect(url_for("admin.payouts.index"))
    form = RemoveForm()

    def save() -> tuple[Text, str]:
        payouts.remove(actor=actor(), uuid=uuid, reason=form.reason.data or "")
        return _("Payout removed."), url_for("admin.payouts.index")

    return save_or_show(
        form,
        save,
        title=_("Remove the payout of %(amount)s", amount=payout.amount),
        crumbs=_crumbs(),
        label=_("Remove payout"),
        consequence=_("It stays in the list, but no longer reduces what the provider owes."),
    )


def _crumbs() -> list[tuple[str, str]]:
    return [
        (str(_("Payments")), url_for("admin.payments.index")),
        (str(_("Payouts")), url_for("admin.payouts.index")),
    ]
