"""Conversion between currencies, and its rounding rules."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puqpanel.domain.errors import UserError
from puqpanel.domain.money import Money
from puqpanel.domain.rates import Rate, Rounding, check_rate, check_step, convert


def rates(step: str = "0.01", rounding: Rounding = Rounding.HALF_UP) -> dict[str, Rate]:
    return {
        "EUR": Rate(Decimal(1), Decimal("0.01")),
        "CHF": Rate(Decimal("0.95"), Decimal(step), rounding),
        "PLN": Rate(Decimal("4.25"), Decimal("0.01")),
        "JPY": Rate(Decimal("170"), Decimal(1)),
        "BHD": Rate(Decimal("0.41"), Decimal("0.001")),
    }


@pytest.mark.parametrize(
    "minor, code, to, result",
    [
        (100, "EUR", "PLN", 425),
        (425, "PLN", "EUR", 100),
        (1000, "EUR", "JPY", 1700),
        (170, "JPY", "PLN", 425),
        (100, "EUR", "BHD", 410),
        (1, "PLN", "JPY", 0),
        (-100, "EUR", "PLN", -425),
        (123, "EUR", "EUR", 123),
    ],
)
def test_conversion(minor, code, to, result):
    assert convert(Money(minor, code), to, rates()) == Money(result, to)


@pytest.mark.parametrize(
    "step, rounding, result",
    [
        ("0.01", "half_up", 941),
        ("0.05", "half_up", 940),
        ("0.05", "up", 945),
        ("0.05", "down", 940),
        ("1", "half_up", 900),
        ("1", "up", 1000),
        ("0.5", "down", 900),
    ],
)
def test_rounding_rules(step, rounding, result):
    found = convert(Money(990, "EUR"), "CHF", rates(step, Rounding(rounding)))
    assert found == Money(result, "CHF")
    assert convert(Money(-990, "EUR"), "CHF", rates(step, Rounding(rounding))) == -found


@given(st.integers(-(10**12), 10**12), st.sampled_from(["CHF", "PLN", "JPY", "BHD"]))
def test_a_converted_amount_is_within_one_step(minor, to):
    table = rates("0.05", Rounding.UP)
    amount = Money(minor, "EUR")
    found = convert(amount, to, table)
    assert abs(found.major - amount.major * table[to].value) < table[to].step
    assert found.major % table[to].step == 0


def test_a_missing_rate_is_an_error():
    with pytest.raises(UserError, match="USD has no exchange rate"):
        convert(Money(1, "EUR"), "USD", rates())
    with pytest.raises(UserError, match="USD has no exchange rate"):
        convert(Money(1, "USD"), "EUR", rates())


@pytest.mark.parametrize("value", ["0", "-1", "NaN", "sNaN", "Infinity", "1e10", "1e-11", "1e99"])
def test_invalid_rates(value):
    with pytest.raises(UserError):
        check_rate(Decimal(value))


@pytest.mark.parametrize(
    "step, currency",
    [
        ("0", "EUR"),
        ("-1", "EUR"),
        ("NaN", "EUR"),
        ("0.001", "EUR"),
        ("0.5", "JPY"),
        ("0.015", "EUR"),
        ("1e9", "EUR"),
    ],
)
def test_invalid_steps(step, currency):
    with pytest.raises(UserError):
        check_step(Decimal(step), currency)


def test_valid_rates_and_steps():
    assert check_rate(Decimal("0.0000000001")) and check_step(Decimal("0.05"), "CHF")
    assert check_step(Decimal(5), "JPY") and check_step(Decimal("0.005"), "BHD")
