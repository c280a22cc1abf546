"""What the page of an offer shows, to its recipient by link and to users of the client."""

from __future__ import annotations

from typing import Any

from wtforms import StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.documents import Party
from puqpanel.domain.money import Money
from puqpanel.domain.offer_states import OfferStatus
from puqpanel.models import Offer
from puqpanel.operations.accounts import addresses
from puqpanel.operations.ordering import offer_answers, offers
from puqpanel.web.documents import shown_day
from puqpanel.web.forms import Form, _
from puqpanel.web.prices import PER

SHOWN = (OfferStatus.OPEN, OfferStatus.ACCEPTED)
"""When the page shows the buyer: whoever has the link can read it."""


class AcceptForm(Form):
    """Who accepts an offer."""

    name = StringField(_("Your name"), [InputRequired(_("Enter your name.")), Length(max=100)])


class DeclineForm(Form):
    """Who declines an offer, and why."""

    name = StringField(_("Your name"), [InputRequired(_("Enter your name.")), Length(max=100)])
    reason = TextAreaField(
        _("Reason (optional)"),
        [Length(max=offer_answers.MAX_REASON)],
        description=_("Your answer helps us to make a better offer."),
    )


class OwnDeclineForm(DeclineForm):
    """Why a user declines an offer."""

    name = None  # type: ignore[assignment]


def _buyer(offer: Offer) -> Party:
    """Return the buyer as the document of the offer shows it."""
    order = offer.order
    if order.document is not None and order.document.buyer:
        return Party(**order.document.buyer)
    return (addresses.chosen(order.client, order.address_id) or order.client).party


def context(offer: Offer) -> dict[str, Any]:
    """Return what the templates of an offer show."""
    status = offers.status_of(offer)
    return {
        "offer": offer,
        "buyer": _buyer(offer) if status in SHOWN else None,
        "status": status,
        "closed": offers.CLOSED.get(status, ""),
        "is_open": status == OfferStatus.OPEN,
        "day": shown_day,
        "money_of": lambda minor: Money(minor, offer.currency),
        "per": PER,
    }
