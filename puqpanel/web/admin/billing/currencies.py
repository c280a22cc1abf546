"""Staff pages for currencies: which are enabled, rates, rounding rules, the base currency."""

from __future__ import annotations

from babel.dates import format_date
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, HiddenField, SelectField
from wtforms.validators import InputRequired, Optional

from puqpanel.domain.permissions import CURRENCIES_MANAGE, CURRENCIES_VIEW
from puqpanel.domain.rates import Rounding
from puqpanel.domain.texts import Text
from puqpanel.models import Currency
from puqpanel.operations.system import currencies
from puqpanel.web.answers import flash
from puqpanel.web.fields import SearchField, currency_name, named_currencies
from puqpanel.web.forms import Form, _, choices, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.locale import viewer_locale
from puqpanel.web.money_field import NumberField, format_number
from puqpanel.web.navigation import crumbs

bp = Blueprint("currencies", __name__, url_prefix="/currencies")

ROUNDING = {
    Rounding.HALF_UP: _("To the nearest"),
    Rounding.UP: _("Up"),
    Rounding.DOWN: _("Down"),
}


class AddForm(Form):
    """A currency to add."""

    code = SearchField(
        _("Currency"),
        [InputRequired(_("Choose a currency."))],
        blank=_("Choose a currency…"),
        options=lambda: named_currencies(currencies.addable_codes()),
    )


class CurrencyForm(Form):
    """The rate and the rounding rule of a currency."""

    rate = NumberField(_("Exchange rate"), [Optional()])
    step = NumberField(
        _("Round to"),
        [InputRequired(_("Enter the rounding increment."))],
        description=_("Converted amounts are multiples of this, such as 0.01, 0.05 or 1."),
    )
    rounding = SelectField(
        _("Rounding"), choices=lambda: choices((k, str(v)) for k, v in ROUNDING.items())
    )
    enabled = BooleanField(_("Enabled"), description=_("Available for clients and products."))
    base = HiddenField()


@bp.get("/")
@allow(CURRENCIES_VIEW)
def index() -> ResponseReturnValue:
    """List currencies."""
    rows = currencies.currencies()
    return render_template(
        "admin/billing/currencies/index.html",
        rows=rows,
        base=currencies.base_currency(),
        currency_name=currency_name,
        format_number=format_number,
        format_date=lambda day: format_date(day, "medium", viewer_locale()),
        rounding=ROUNDING,
        without_rate=[row.code for row in rows if row.enabled and row.rate is None],
    )


@bp.route("/new", methods=["GET", "POST"])
@allow(CURRENCIES_MANAGE)
def create() -> ResponseReturnValue:
    """Add a currency and continue to its rate."""
    form = AddForm()

    def save() -> tuple[Text, str]:
        currency = currencies.add_currency(actor=actor(), **form.values("code"))
        return _("%(code)s added. Next, enter its exchange rate.", code=currency.code), url_for(
            "admin.currencies.edit", code=currency.code
        )

    return save_or_show(
        form,
        save,
        title=_("Add currency"),
        crumbs=crumbs("currencies"),
        label=_("Add currency"),
        consequence=_("Its number of decimals can't be changed later."),
    )


@bp.route("/<code>/edit", methods=["GET", "POST"])
@allow(CURRENCIES_MANAGE)
def edit(code: str) -> ResponseReturnValue:
    """Change the rate and the rounding rule of a currency."""
    currency = currencies.find_currency(code)
    form = _currency_form(currency)

    def save() -> tuple[Text, str]:
        currencies.save_currency(
            actor=actor(),
            code=code,
            rate=form.rate.data,
            step=form.step.data,
            rounding=form.rounding.data,
            enabled=form.enabled.data,
            base=form.base.data,
        )
        return _("Currency saved."), url_for("admin.currencies.index")

    return save_or_show(
        form,
        save,
        title=_("Edit %(code)s", code=currency.code),
        crumbs=crumbs("currencies"),
        label=_("Save currency"),
        consequence=_("Existing prices do not change."),
    )


def _currency_form(currency: Currency) -> CurrencyForm:
    base = currencies.base_currency()
    form = CurrencyForm(obj=currency, base=base)
    form.rate.description = (
        _("The rate of the base currency is always 1.")
        if currency.is_base
        else _(
            "The value of 1 %(base)s in %(code)s. Leave blank if unknown.",
            code=currency.code,
            base=base,
        )
    )
    return form


@bp.route("/<code>/base", methods=["GET", "POST"])
@allow(CURRENCIES_MANAGE)
def make_base(code: str) -> ResponseReturnValue:
    """Make a currency the base currency, after a confirmation."""
    currency = currencies.find_currency(code)
    back = url_for("admin.currencies.index")
    if request.method == "POST":
        currencies.set_base_currency(actor=actor(), code=code)
        flash(_("%(code)s is the base currency now.", code=code), "good")
        return redirect(back)
    effect = (
        _("All exchange rates will be converted using the rate of %(code)s.", code=code)
        if currency.rate is not None
        else _("All exchange rates will be removed, because %(code)s has none.", code=code)
    )
    return render_template(
        "admin/confirm.html",
        title=_("Make %(code)s the base currency?", code=code),
        button=_("Change base currency"),
        back=back,
        lead=_("Effects of this change:"),
        goes=[effect, _("New clients and products use %(code)s by default.", code=code)],
        stays=_("Prices of products and services do not change."),
    )
