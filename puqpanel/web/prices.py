"""Amounts and billing periods on pages, in the viewer's locale."""

from __future__ import annotations

from decimal import Decimal

from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.texts import Text, _
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
    Period.ONE_TIME: _("Once"),
    Period.HOURLY: _("Every hour"),
    Period.DAILY: _("Every day"),
    Period.WEEKLY: _("Every week"),
    Period.BI_WEEKLY: _("Every 2 weeks"),
    Period.MONTHLY: _("Every month"),
    Period.QUARTERLY: _("Every quarter"),
    Period.SEMI_ANNUALLY: _("Every 6 months"),
    Period.ANNUALLY: _("Every year"),
    Period.BIENNIALLY: _("Every 2 years"),
    Period.TRIENNIALLY: _("Every 3 years"),
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
