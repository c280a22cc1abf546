"""Offers to the current client. Those to other clients answer 404."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.offer_states import OfferStatus
from puqpanel.domain.permissions import CLIENT_ORDERS_MANAGE, CLIENT_ORDERS_VIEW
from puqpanel.operations.ordering import offer_answers, offers
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.documents import shown_day
from puqpanel.web.forms import Form, _, errors_in
from puqpanel.web.guard import actor, can, customer
from puqpanel.web.offer_pages import OwnDeclineForm, context

bp = Blueprint("offers", __name__, url_prefix="/offers")


@bp.get("/")
@customer(CLIENT_ORDERS_VIEW)
def index() -> ResponseReturnValue:
    """List the offers to the client, open ones first."""
    return render_template(
        "client/ordering/offers/index.html",
        offers=offers.own_offers(actor()),
        status_of=offers.status_of,
        day=shown_day,
    )


@bp.get("/<uuid>")
@customer(CLIENT_ORDERS_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Show an offer, or what became of it."""
    offer = offers.find_own(actor(), uuid)
    document = offer.order.document if offer.status == OfferStatus.ACCEPTED else None
    answers = can(CLIENT_ORDERS_MANAGE)
    return render_template(
        "public/ordering/offer.html",
        form=Form() if answers else None,
        accept_url=url_for("client.offers.accept", uuid=uuid),
        decline_url=url_for("client.offers.decline", uuid=uuid),
        document=document,
        document_url=url_for("client.documents.show", uuid=document.uuid) if document else "",
        crumbs=[(_("Offers"), url_for("client.offers.index"))],
        **context(offer),
    )


@bp.post("/<uuid>/accept")
@customer(CLIENT_ORDERS_MANAGE)
def accept(uuid: str) -> ResponseReturnValue:
    """Accept an offer."""
    offer = offers.find_own(actor(), uuid)
    with flashed_errors():
        offer_answers.accept(actor=actor(), uuid=offer.uuid)
        flash(_("Thank you. The offer is accepted."), "good")
    return redirect(url_for("client.offers.show", uuid=uuid))


@bp.route("/<uuid>/decline", methods=["GET", "POST"])
@customer(CLIENT_ORDERS_MANAGE)
def decline(uuid: str) -> ResponseReturnValue:
    """Decline an offer."""
    offer, form = offers.find_own(actor(), uuid), OwnDeclineForm()
    back = url_for("client.offers.show", uuid=uuid)
    if form.validate_on_submit():
        with errors_in(form):
            offer_answers.decline(actor=actor(), uuid=uuid, **form.values("reason"))
            return redirect(back)
    if offers.status_of(offer) != OfferStatus.OPEN:
        return redirect(back)
    page = render_template("public/ordering/decline.html", form=form, back=back, **context(offer))
    return page, 422 if form.is_submitted() else 200
