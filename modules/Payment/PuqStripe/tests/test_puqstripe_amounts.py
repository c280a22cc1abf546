"""Amounts in Stripe's minor units."""

from __future__ import annotations

from decimal import Decimal

import pytest

from modules.Payment.PuqStripe.services.amounts import UnusableAmount, from_stripe, to_stripe


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.50", "EUR", 1250),
        ("500", "JPY", 500),
        ("500.00", "JPY", 500),
        ("5.120", "KWD", 5120),
        ("100.5", "HUF", 10_050),
        ("5", "ISK", 500),
        ("0.01", "PLN", 1),
    ],
)
def test_there_and_back(amount: str, currency: str, minor: int) -> None:
    assert to_stripe(Decimal(amount), currency) == minor
    assert from_stripe(minor, currency) == Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("12.505", "EUR"),
        ("500.5", "JPY"),
        ("5.124", "KWD"),
        ("5.5", "ISK"),
        ("5", "UGX"),
        ("0", "EUR"),
        ("-1", "EUR"),
    ],
)
def test_what_stripe_cannot_take(amount: str, currency: str) -> None:
    with pytest.raises(UnusableAmount):
        to_stripe(Decimal(amount), currency)
