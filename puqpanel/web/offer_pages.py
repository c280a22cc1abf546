"""What the page of an offer shows, to its recipient by link and to users of the client."""

from __future__ import annotations

from typing import Any

from wtforms import StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.money import Money
from puqpanel.domain.offer_states import OfferStatus
from puqpanel.models import Offer
from puqpanel.operations.ordering import offers
from puqpanel.web.documents import shown_day
from puqpanel.web.forms import Form, _
from puqpanel.web.prices import PER


class AcceptForm(Form):
    """Who accepts an offer."""

    name = StringField(_("Your name"), [InputRequired(_("Enter your name.")), Length(max=100)])


class DeclineForm(Form):
    """Who declines an offer, and why."""

    name = StringField(_("Your name"), [InputRequired(_("Enter your name.")), Length(max=100)])
    reason = TextAreaField(
        _("Reason (optional)"),
        [Length(max=offers.MAX_REASON)],
        description=_("Your answer helps us to make a better offer."),
    )


class OwnDeclineForm(DeclineForm):
    """Why a user declines an offer."""

    name = None  # type: ignore[assignment]


def context(offer: Offer) -> dict[str, Any]:
    """Return what the templates of an offer show."""
    status = offers.status_of(offer)
    return {
        "offer": offer,
        "status": status,
        "closed": offers.CLOSED.get(status, ""),
        "is_open": status == OfferStatus.OPEN,
        "day": shown_day,
        "money_of": lambda minor: Money(minor, offer.currency),
        "per": PER,
    }
