"""The page of an offer, for everybody who has its link; a wrong token answers 404.

Search engines do not index it and caches do not keep it. Its URL is sent as referrer to the panel
itself only, which the check of its forms needs.
"""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.offer_states import OfferStatus
from puqpanel.models import Offer
from puqpanel.operations.billing.document_links import public_link
from puqpanel.operations.ordering import offer_answers, offers
from puqpanel.web.forms import errors_in
from puqpanel.web.guard import public
from puqpanel.web.limits import limiter
from puqpanel.web.offer_pages import AcceptForm, DeclineForm, context

bp = Blueprint("offers", __name__, url_prefix="/offers/<token>")
PER_NETWORK = limiter.shared_limit("60 per minute", scope="public-offers")
HEADERS = {
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@bp.after_request
def _secret(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response


@bp.get("/")
@public
@PER_NETWORK
def show(token: str) -> ResponseReturnValue:
    """Show an offer, or what became of it."""
    return _page(offers.find_by_token(token), token, AcceptForm())


@bp.post("/accept")
@public
@PER_NETWORK
def accept(token: str) -> ResponseReturnValue:
    """Accept an offer."""
    offer, form = offers.find_by_token(token), AcceptForm()
    if form.validate_on_submit():
        with errors_in(form):
            offer_answers.accept_link(
                token=token, name=form.name.data or "", ip=request.remote_addr or ""
            )
            return redirect(url_for("public.offers.show", token=token))
    return _page(offer, token, form)


@bp.route("/decline", methods=["GET", "POST"])
@public
@PER_NETWORK
def decline(token: str) -> ResponseReturnValue:
    """Decline an offer."""
    offer, form = offers.find_by_token(token), DeclineForm()
    back = url_for("public.offers.show", token=token)
    if form.validate_on_submit():
        with errors_in(form):
            offer_answers.decline_link(
                token=token, ip=request.remote_addr or "", **form.values("name", "reason")
            )
            return redirect(back)
    if offers.status_of(offer) != OfferStatus.OPEN:
        return redirect(back)
    page = render_template("public/ordering/decline.html", form=form, back=back, **context(offer))
    return page, 422 if form.is_submitted() else 200


def _page(offer: Offer, token: str, form: AcceptForm) -> ResponseReturnValue:
    document = offer.order.document if offer.status == OfferStatus.ACCEPTED else None
    page = render_template(
        "public/ordering/offer.html",
        form=form,
        accept_url=url_for("public.offers.accept", token=token),
        decline_url=url_for("public.offers.decline", token=token),
        document=document,
        document_url=public_link(document) if document else "",
        **context(offer),
    )
    return page, 422 if form.is_submitted() else 200
