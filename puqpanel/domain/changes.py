"""Changes of a running service: what is left of what was charged, against the new price.

What was charged for the days from today on is credited, and these days are charged at the new
price. If that is more than was charged, the difference is due; if it is less, nothing is refunded
and the change waits for the end of the days that were charged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from puqpanel.domain.charges import ChargeKind, Coverage, unused
from puqpanel.domain.money import Money
from puqpanel.domain.periods import (
    Anchor,
    FixedDay,
    Period,
    Span,
    anchor_for,
    period_containing,
    share,
)
from puqpanel.domain.pricing import Coupon, Item, Quote, QuoteLine, discount_line, quote, summed
from puqpanel.domain.tax import PriceEntry, TaxGroup

UNUSED = "unused"
"""The part of the lines that credit days."""


class ChangeStatus(StrEnum):
    """How far a change of a service is."""

    WAITING = "waiting"
    """Its document is not paid yet."""
    SCHEDULED = "scheduled"
    """It waits for the end of the days that were charged."""
    DONE = "done"
    WITHDRAWN = "withdrawn"


class Effect(StrEnum):
    """When a change takes effect."""

    AT_ONCE = "at_once"
    WHEN_PAID = "when_paid"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Current:
    """A service before a change.

    Args:
        label: the name of its product.
        group: how it is taxed today.
        period: its billing period.
        anchor: from which its periods are counted; None if none was charged.
        paid_until: the first day that was not charged; None if none was charged.
        charges: all charges for days of it that were not reversed.
        coupons: what coupons took off some of these days: a percentage, or the amount. Charging
            them again, they take it off again.
    """

    label: str
    group: TaxGroup
    period: Period
    anchor: Anchor | None
    paid_until: date | None
    charges: Sequence[Coverage]
    coupons: Sequence[tuple[Span, Coupon]] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a change costs, and what holds after it.

    Args:
        quote: what is charged; its total is negative if less is due than was charged.
        effect: when the change takes effect.
        starts_on: the day on which it does, unless it is paid later.
        anchor: from what the new periods are counted; None if they stay as they are.
        paid_until: the first day that is not charged after the change; None if it stays as it is.
    """

    quote: Quote
    effect: Effect
    starts_on: date
    anchor: Anchor | None
    paid_until: date | None


def settle(
    current: Current,
    item: Item,
    *,
    day: date,
    currency: str,
    entry: PriceEntry,
    coupon: Coupon | None = None,
) -> Settlement:
    """Return what a change of a service costs.

    If the billing period stays, the days up to the end of the charged ones are charged again at the
    new price. If it changes, or no charged day is left, a new period starts today. Setup fees are
    not charged.

    Args:
        current: the service as it is.
        item: the service as it will be.
        day: today, in the company's time zone.
        currency: of all amounts.
        entry: whether prices are net or gross.
        coupon: what a coupon of its order takes off each period from now on; None if nothing.
    """
    until = current.paid_until if current.paid_until and current.paid_until > day else None
    spans = list(_spans(current, day, until)) if until else []
    discounts: list[QuoteLine] = []
    if until and current.anchor and item.period == current.period:
        anchor = paid_until = None
        lines = []
        for span in spans:
            charged = list(_lines(item, span, current.anchor))
            lines += charged
            discounts += _discounts(_coupon_of(current, span) or coupon, charged, currency)
    else:
        lines, anchor, paid_until = _new_period(item, day, currency, entry)
        discounts += _discounts(coupon, lines, currency)
    credits_ = [line for span in spans for line in _credits(current, span, item.key, currency)]
    priced = summed(
        [*credits_, *lines, *discounts],
        [item],
        currency=currency,
        entry=entry,
        coupons=[coupon] if coupon else [],
    )
    if until and priced.total.minor < 0:
        stays = item.period == current.period
        before = current.anchor, current.period
        later = None if stays else following(before, until, item.policy, item.period)
        return Settlement(priced, Effect.LATER, until, later, None)
    effect = Effect.WHEN_PAID if priced.total.minor > 0 else Effect.AT_ONCE
    return Settlement(priced, effect, day, anchor, paid_until)


def settle_prepaid(item: Item, *, day: date, currency: str, entry: PriceEntry) -> Settlement:
    """Return what a change of a prepaid service costs: nothing now, as it is charged afterwards.

    Args:
        item: the service as it will be.
        day: today, in the company's time zone.
        currency: of all amounts.
        entry: whether prices are net or gross.
    """
    priced = quote([_without_setup(item)], day=day, currency=currency, entry=entry)
    return Settlement(priced, Effect.AT_ONCE, day, None, None)


def following(
    current: tuple[Anchor | None, Period], until: date, policy: FixedDay | None, period: Period
) -> Anchor:
    """Return the anchor of other periods that begin when the charged days of a service end.

    It is the fixed day of the product, if it has one. Otherwise months keep the day of the month of
    the periods before, such as the 31st after February.

    Args:
        current: the anchor of the periods before, None if none was charged; and their length.
        until: the first day that was not charged.
        policy: the anchor policy of the product.
        period: the new billing period.
    """
    anchor, before = current
    if policy is not None and period.months:
        return anchor_for(policy, until, period)
    if anchor is not None and before.months:
        kept = Anchor.on(until, anchor.day)
        if kept.start == until:
            return kept
    return Anchor.on(until)


def _coupon_of(current: Current, span: Span) -> Coupon | None:
    """Return what a coupon takes off a whole period, as it did for some days of it."""
    for charged, coupon in current.coupons:
        if charged.start <= span.start and span.end <= charged.end and current.anchor:
            if coupon.amount is None:
                return coupon
            whole = period_containing(current.anchor, current.period, charged.start)
            return replace(coupon, amount=coupon.amount.scaled(Fraction(whole.days, charged.days)))
    return None


def _discounts(
    coupon: Coupon | None, lines: Sequence[QuoteLine], currency: str
) -> Iterator[QuoteLine]:
    """Yield what a coupon takes off the lines of each period: an amount, by the share of it."""
    if coupon is None:
        return
    by_span: dict[Span | None, list[QuoteLine]] = {}
    for line in lines:
        by_span.setdefault(line.span, []).append(line)
    for each in by_span.values():
        whole = Money.total((line.amount for line in each), currency)
        if coupon.percent is not None:
            off = whole.scaled(Fraction(coupon.percent) / 100)
        else:
            full = coupon.amount or Money.zero(currency)
            off = min(full.scaled(each[0].share), whole)
        if off:
            yield discount_line(coupon, each[0], off)


def _spans(current: Current, day: date, until: date) -> Iterator[Span]:
    """Return the days from one day to another, cut where a charge or a period begins or ends."""
    cuts = {day, until}
    for charge in current.charges:
        cuts |= {charge.span.start, charge.span.end}
    at = day
    while current.anchor and current.period not in (Period.ONE_TIME, Period.HOURLY) and at < until:
        at = period_containing(current.anchor, current.period, at).end
        cuts.add(at)
    days = sorted(cut for cut in cuts if day <= cut <= until)
    for start, end in pairwise(days):
        yield Span(start, end)


def _lines(item: Item, span: Span, anchor: Anchor) -> Iterator[QuoteLine]:
    """Return the lines that charge some days of a period at the new price."""
    part_of = share(span, period_containing(anchor, item.period, span.start))
    for part in item.parts:
        if part.price.recurring or not part.key:
            unit, count = part.price.recurring, part.quantity * item.quantity
            amount = (unit * count).scaled(part_of)
            yield QuoteLine(
                item=item.key,
                part=part.key,
                label=part.label,
                kind=ChargeKind.PRORATION,
                quantity=count,
                unit=unit,
                amount=amount,
                group=item.group,
                net=amount,
                span=span,
                share=part_of,
                source=part.price.source,
            )


def _new_period(
    item: Item, day: date, currency: str, entry: PriceEntry
) -> tuple[list[QuoteLine], Anchor, date]:
    """Return the lines of a period that begins today, its anchor and its end."""
    first = quote([_without_setup(item)], day=day, currency=currency, entry=entry)
    ends = [line.span.end for line in first.lines if line.span]
    return list(first.lines), anchor_for(item.policy, day, item.period), max(ends)


def _without_setup(item: Item) -> Item:
    zero = Money.zero(item.parts[0].price.setup.currency)
    parts = tuple(replace(part, price=replace(part.price, setup=zero)) for part in item.parts)
    return replace(item, parts=parts)


def _credits(current: Current, span: Span, key: str, currency: str) -> Iterator[QuoteLine]:
    """Yield a credit line for each tax group in which some days were charged."""
    groups: dict[TaxGroup, list[Coverage]] = {}
    for charge in current.charges:
        groups.setdefault(charge.group or current.group, []).append(charge)
    for group, charges in groups.items():
        amount = unused(charges, span.end, currency) - unused(charges, span.start, currency)
        if amount:
            yield QuoteLine(
                item=key,
                part=UNUSED,
                label=current.label,
                kind=ChargeKind.UNUSED,
                quantity=1,
                unit=amount,
                amount=amount,
                group=group,
                net=amount,
                span=span,
            )
