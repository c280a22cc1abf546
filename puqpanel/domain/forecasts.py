"""Which periods of a service will be charged, from what is known of it today."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from puqpanel.domain.money import Money
from puqpanel.domain.periods import Anchor, Period, Span
from puqpanel.domain.pricing import Coupon, Quote
from puqpanel.domain.renewals import next_span, renewal


@dataclass(frozen=True, slots=True)
class Terms:
    """What determines the later charges of a service.

    Args:
        price: of a whole period.
        period: the billing period.
        anchor: from which its periods are counted.
        charged_until: the first day that was not charged.
        coupon: what is left of its coupon; None for nothing.
    """

    price: Money
    period: Period
    anchor: Anchor
    charged_until: date
    coupon: Coupon | None = None


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A period that will be charged.

    Args:
        issued_on: the day of its document.
        span: its days.
        quote: what they cost.
        coupon: what reduces it.
    """

    issued_on: date
    span: Span
    quote: Quote
    coupon: Coupon | None

    @property
    def due_on(self) -> date:
        """The day on which it must be paid."""
        return max(self.span.start, self.issued_on)


def upcoming(
    label: str, terms: Terms, *, lead: timedelta, earliest: date, until: date
) -> Iterator[Upcoming]:
    """Return the periods that will be charged, in order.

    Args:
        label: the name of the product.
        terms: of the service.
        lead: how long before a period its document is issued.
        earliest: the first day on which a document can be issued.
        until: the last day on which one may be due.
    """
    start, coupon = terms.charged_until, terms.coupon
    while True:
        span = next_span(terms.anchor, terms.period, start)
        issued_on = max(span.start - lead, earliest)
        if max(span.start, issued_on) > until:
            return
        quote = renewal(
            label, terms.price, terms.period, anchor=terms.anchor, span=span, coupon=coupon
        )
        yield Upcoming(issued_on, span, quote, coupon)
        start, coupon = span.end, _after_period(coupon)


def _after_period(coupon: Coupon | None) -> Coupon | None:
    """Return what is left of a coupon after a period."""
    if coupon is None or coupon.cycles is None:
        return coupon
    return replace(coupon, cycles=coupon.cycles - 1) if coupon.cycles > 1 else None
