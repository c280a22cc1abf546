"""Renewals: which days of a service are charged next, for how much, and how long before."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from datetime import date, timedelta

from puqpanel.domain.money import Money
from puqpanel.domain.periods import Anchor, Period, Span, period_containing, share
from puqpanel.domain.pricing import Coupon, Item, Part, Price, Quote, quote
from puqpanel.domain.tax import PriceEntry, TaxCategory, TaxGroup

_YEAR, _WEEK = 12, 7
"""In months, and in days."""
_UNTAXED = TaxGroup(TaxCategory.ZERO)
"""Documents compute the taxes of their lines themselves."""


@dataclass(frozen=True, slots=True)
class Lead:
    """How many days before a period begins it is charged.

    Args:
        years: for periods of a year or longer.
        months: for periods of one to six months.
        weeks: for periods of one or two weeks; days are charged when they begin.
    """

    years: int
    months: int
    weeks: int

    def of(self, period: Period) -> timedelta:
        """Return the time for a billing period."""
        if period.months:
            return timedelta(days=self.years if period.months >= _YEAR else self.months)
        return timedelta(days=self.weeks if period.days >= _WEEK else 0)


def next_span(anchor: Anchor, period: Period, charged_until: date) -> Span:
    """Return the days that are charged next: up to the end of their period.

    Args:
        anchor: from which the periods of the service are counted.
        period: the billing period.
        charged_until: the first day that was not charged.
    """
    whole = period_containing(anchor, period, charged_until)
    return Span(charged_until, whole.end, whole.number)


@functools.lru_cache(maxsize=1024)
def renewal(
    label: str, price: Money, period: Period, *, anchor: Anchor, span: Span, coupon: Coupon | None
) -> Quote:
    """Price the next days of a service, without tax.

    Services of a product that are renewed on the same day share the quote.

    Args:
        label: the name of its product.
        price: of a whole period, as it was sold.
        period: the billing period.
        anchor: from which its periods are counted.
        span: the days, see `next_span`.
        coupon: what is left of the coupon of its order.
    """
    whole = period_containing(anchor, period, span.start)
    part = share(span, whole)
    if coupon is not None and coupon.amount is not None:
        coupon = replace(coupon, amount=coupon.amount.scaled(part))
    item = Item(
        key="",
        product="",
        parts=(Part("", label, Price(Money.zero(price.currency), price, period)),),
        group=_UNTAXED,
        span=span,
        share=part,
    )
    coupons = [coupon] if coupon else []
    return quote(
        [item], day=span.start, currency=price.currency, entry=PriceEntry.NET, coupons=coupons
    )
