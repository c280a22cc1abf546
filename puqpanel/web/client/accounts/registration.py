"""Registration of visitors in the client area."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import EmailField, PasswordField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.tax_rules import BUYER_LABELS, BuyerKind
from puqpanel.domain.texts import Text
from puqpanel.operations.accounts import registration
from puqpanel.operations.accounts.buyer_details import BuyerDetails
from puqpanel.operations.accounts.registration import Registration
from puqpanel.operations.catalog import prices
from puqpanel.operations.system import settings
from puqpanel.web import sessions
from puqpanel.web.answers import flash, same_site
from puqpanel.web.fields import CountryField, CurrencyField, Pairs, named_currencies
from puqpanel.web.forms import Form, _, choices, save_or_show
from puqpanel.web.guard import find_user, public
from puqpanel.web.limits import limiter
from puqpanel.web.shop import shopper

bp = Blueprint("registration", __name__)
PER_NETWORK = "20 per hour"
"""How many accounts one network can create."""
ATTEMPTS_PER_NETWORK = "60 per hour"
"""How often one network can submit the form: each answer says whether an address has an account."""
KINDS = {kind: BUYER_LABELS[kind] for kind in (BuyerKind.CONSUMER, BuyerKind.BUSINESS)}


def created(response: Response) -> bool:
    """Return whether a response counts against the limit: only created accounts do."""
    return response.status_code == 302


class SoldCurrencyField(CurrencyField):
    """A currency in which something is sold."""

    def options(self) -> Pairs:
        """Return the currencies, the base currency first."""
        return named_currencies(prices.sold_currencies())


class RegistrationForm(Form):
    """A new account."""

    name = StringField(
        _("Name"),
        [InputRequired(_("Enter a name.")), Length(max=200)],
        render_kw={"autocomplete": "name"},
    )
    email = EmailField(_("E-mail"), [InputRequired(_("Enter an e-mail address.")), Length(max=254)])
    password = PasswordField(
        _("Password"),
        [InputRequired(_("Enter a password.")), Length(max=256)],
        description=_("At least 10 characters"),
        render_kw={"autocomplete": "new-password"},
    )
    country = CountryField(_("Country"), blank=_("Choose a country…"))
    buyer_kind = SelectField(_("Account type"), choices=lambda: choices(KINDS.items()))
    currency = SoldCurrencyField(_("Currency"))
    company = StringField(_("Company"), [Length(max=200)])
    vat_number = StringField(_("VAT number"), [Length(max=40)])
    street = StringField(_("Street"), [Length(max=200)])
    postcode = StringField(_("Postal code"), [Length(max=20)])
    city = StringField(_("City"), [Length(max=100)])

    def registration(self) -> Registration:
        """Return what was entered."""
        details = self.values("street", "postcode", "city", "vat_number", "buyer_kind")
        return Registration(
            **self.values("name", "email", "password", "country", "company", "currency"),
            details=BuyerDetails(**details),
        )


@bp.route("/register", methods=["GET", "POST"])
@public
@limiter.limit(ATTEMPTS_PER_NETWORK, methods=["POST"])
@limiter.limit(PER_NETWORK, methods=["POST"], deduct_when=created)
def create() -> ResponseReturnValue:
    """Create an account, sign in and continue to `next`."""
    target = same_site(request.args.get("next", ""), "/client")
    if find_user():
        return redirect(target)
    if not settings.get("shop.registration"):
        flash(registration.CLOSED, "warn")
        return redirect(url_for("client.auth.sign_in"))
    sold = prices.sold_currencies()
    currency = shopper.currency() if shopper.currency() in sold else sold[0]
    form = RegistrationForm(data={"country": shopper.country(), "currency": currency})

    def save() -> tuple[Text, str]:
        user = registration.register(registration=form.registration(), ip=request.remote_addr or "")
        sessions.sign_in(user, keep=False)
        return _("Welcome. Your account was created."), target

    return save_or_show(
        form,
        save,
        "client/accounts/register.html",
        label=_("Create account"),
        back=url_for("client.auth.sign_in", next=request.args.get("next")),
    )
