"""Amounts and billing periods on pages, in the viewer's locale."""

from __future__ import annotations

from decimal import Decimal

from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.texts import Text, _, _c
from puqpanel.web.locale import viewer_locale

PER: dict[str, Text] = {
    Period.ONE_TIME: _("once"),
    Period.HOURLY: _("/ hour"),
    Period.DAILY: _("/ day"),
    Period.WEEKLY: _("/ week"),
    Period.BI_WEEKLY: _("/ 2 weeks"),
    Period.MONTHLY: _("/ month"),
    Period.QUARTERLY: _("/ quarter"),
    Period.SEMI_ANNUALLY: _("/ 6 months"),
    Period.ANNUALLY: _("/ year"),
    Period.BIENNIALLY: _("/ 2 years"),
    Period.TRIENNIALLY: _("/ 3 years"),
}
"""Period → what follows a price."""
EVERY: dict[str, Text] = {
    Period.ONE_TIME: _c("billing period", "Once"),
    Period.HOURLY: _c("billing period", "Every hour"),
    Period.DAILY: _c("billing period", "Every day"),
    Period.WEEKLY: _c("billing period", "Every week"),
    Period.BI_WEEKLY: _c("billing period", "Every 2 weeks"),
    Period.MONTHLY: _c("billing period", "Every month"),
    Period.QUARTERLY: _c("billing period", "Every quarter"),
    Period.SEMI_ANNUALLY: _c("billing period", "Every 6 months"),
    Period.ANNUALLY: _c("billing period", "Every year"),
    Period.BIENNIALLY: _c("billing period", "Every 2 years"),
    Period.TRIENNIALLY: _c("billing period", "Every 3 years"),
}
"""Period → how often it is charged."""


def money(amount: Money | Decimal, currency: str = "") -> str:
    """Return an amount in the viewer's locale.

    Args:
        amount: the amount; in major units if a currency is given.
        currency: the currency of a Decimal.
    """
    if not isinstance(amount, Money):
        amount = Money.from_major(amount, currency)
    return amount.format(viewer_locale())


def price(amount: Money, period: str) -> str:
    """Return a price with its period, in the viewer's locale: €9.90 / month."""
    return f"{money(amount)} {PER[period]}"
