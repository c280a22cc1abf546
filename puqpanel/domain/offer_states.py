"""The states of an offer."""

from __future__ import annotations

from enum import StrEnum

from puqpanel.domain.texts import _c


class OfferStatus(StrEnum):
    """The status of an offer; whether an open one has expired depends on the day."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


LABELS = {
    OfferStatus.OPEN: _c("offer", "Open"),
    OfferStatus.ACCEPTED: _c("offer", "Accepted"),
    OfferStatus.DECLINED: _c("offer", "Declined"),
    OfferStatus.WITHDRAWN: _c("offer", "Withdrawn"),
    OfferStatus.EXPIRED: _c("offer", "Expired"),
}
