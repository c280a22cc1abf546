"""Staff pages of offers: send a draft as an offer, replace its link, and withdraw it."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import DateField, TextAreaField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.permissions import ORDERS_MANAGE
from puqpanel.infra.links import link
from puqpanel.operations.billing.companies import company_for
from puqpanel.operations.billing.ledger import today
from puqpanel.operations.ordering import offers
from puqpanel.operations.ordering.offers import Sent
from puqpanel.operations.ordering.orders import find_order
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.forms import Form, _, errors_in, form_page
from puqpanel.web.guard import actor, allow

bp = Blueprint("offers", __name__, url_prefix="/orders/<uuid>/offer")
DAYS = 14


class OfferForm(Form):
    """Until when a draft is offered, and on which terms."""

    expires_on = DateField(
        _("Valid until"),
        [InputRequired(_("Enter a valid date."))],
        description=_("The offer can be accepted until the end of this day."),
    )
    terms = TextAreaField(
        _("Terms"),
        [Length(max=offers.MAX_TERMS)],
        description=_("Shown to the client with the offer."),
    )


@bp.route("/", methods=["GET", "POST"])
@allow(ORDERS_MANAGE)
def send(uuid: str) -> ResponseReturnValue:
    """Offer a draft, and show the link once."""
    order = find_order(uuid)
    page = url_for("admin.orders.show", uuid=uuid)
    form = OfferForm()
    if form.validate_on_submit() and form.expires_on.data is not None:
        with errors_in(form):
            sent = offers.send(
                actor=actor(),
                uuid=uuid,
                expires_on=form.expires_on.data,
                terms=form.terms.data or "",
            )
            return _link(sent)
    elif not form.is_submitted():
        with flashed_errors():
            form.expires_on.data = today(company_for(order.client)) + timedelta(days=DAYS)
    return form_page(
        form,
        title=_("Offer to %(name)s", name=order.client.name),
        crumbs=[
            (str(_("Orders")), url_for("admin.orders.index")),
            (str(_("Order for %(name)s", name=order.client.name)), page),
        ],
        label=_("Create offer"),
        consequence=_("You get a link to send to the client. Prices are kept until the last day."),
    )


@bp.post("/link")
@allow(ORDERS_MANAGE)
def replace_link(uuid: str) -> ResponseReturnValue:
    """Give an offer a new link, and show it once."""
    with flashed_errors():
        return _link(offers.replace_link(actor=actor(), uuid=uuid))
    return redirect(url_for("admin.orders.show", uuid=uuid))


@bp.route("/withdraw", methods=["GET", "POST"])
@allow(ORDERS_MANAGE)
def withdraw(uuid: str) -> ResponseReturnValue:
    """Withdraw an offer, after a confirmation."""
    order, back = find_order(uuid), url_for("admin.orders.show", uuid=uuid)
    if request.method == "POST":
        with flashed_errors():
            offers.withdraw(actor=actor(), uuid=uuid)
            flash(_("Offer withdrawn. The order is a draft again."), "good")
        return redirect(back)
    return render_template(
        "admin/confirm.html",
        title=_("Withdraw the offer to %(name)s?", name=order.client.name),
        button=_("Withdraw offer"),
        back=back,
        keep=_("Keep it"),
        goes=[_("The client can no longer accept it, and the link says so")],
        stays=_("The order becomes a draft again, at current prices."),
    )


def _link(sent: Sent) -> str:
    return render_template(
        "admin/ordering/drafts/offered.html",
        order=sent.offer.order,
        offer=sent.offer,
        link=link("offers", sent.token, ""),
    )
