"""Payloads of ports and amounts in minor units."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from puqpanel.sdk import major_units, minor_units
from puqpanel.sdk.payment_payloads import read

INVOICE = "00000000-0000-4000-8000-000000000001"
STRIPE = {
    "id": "evt_1",
    "type": "payment_intent.succeeded",
    "data": {
        "object": {
            "id": "pi_1",
            "amount": 1250,
            "currency": "eur",
            "metadata": {"invoice_uuid": INVOICE},
        }
    },
}
PAYPAL = {
    "id": "WH-1",
    "resource": {"id": "2GG", "amount": {"value": "12.50", "currency_code": "EUR"}},
}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (STRIPE, ("pi_1", Decimal("12.50"), "EUR", INVOICE)),
        (PAYPAL, ("2GG", Decimal("12.50"), "EUR", "")),
        (
            {"transaction_id": "t", "amount": 12.5, "currency": "EUR", "reference_id": INVOICE},
            ("t", Decimal("12.5"), "EUR", INVOICE),
        ),
        ({"id": "t", "amount": 12, "currency": "EUR"}, ("t", Decimal(12), "EUR", "")),
    ],
)
def test_payloads_are_read_where_providers_put_things(
    payload: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    report = read(payload, succeeded=True)
    assert (report.outside_id, report.amount, report.currency, report.invoice) == expected


def test_a_nested_whole_number_is_in_minor_units() -> None:
    payload = {"data": {"object": {"id": "t", "amount": 123, "currency": "EUR"}}}
    assert read(payload, succeeded=True).amount == Decimal("1.23")


@pytest.mark.parametrize(
    "payload",
    [{}, {"amount": "NaN", "currency": "EUR", "id": "t"}, {"amount": "1", "currency": "EUR"}],
)
def test_incomplete_payloads_are_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the payload has no"):
        read(payload, succeeded=True)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("12.50", "EUR", 1250), ("500", "JPY", 500), ("1.234", "KWD", 1234), ("-0.01", "USD", -1)],
)
def test_minor_units(amount: str, currency: str, minor: int) -> None:
    assert minor_units(Decimal(amount), currency) == minor
    assert major_units(minor, currency) == Decimal(amount)


def test_minor_units_of_a_provider_with_other_decimals() -> None:
    assert minor_units(Decimal("5"), "JPY", decimals=2) == 500
    with pytest.raises(ValueError, match="more decimals"):
        minor_units(Decimal("0.5"), "JPY")
