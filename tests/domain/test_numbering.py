"""Patterns of document numbers."""

from __future__ import annotations

from datetime import date

import pytest

from puqpanel.domain.errors import UserError
from puqpanel.domain.numbering import Reset, can_coincide, check_pattern, count_period, number_text

DAY = date(2026, 3, 9)


@pytest.mark.parametrize(
    ("pattern", "reset", "text", "period"),
    [
        ("FV/{year}/{month}/{number:04}", Reset.MONTHLY, "FV/2026/03/0007", "2026-03"),
        ("{yy}-{number}", Reset.YEARLY, "26-7", "2026"),
        ("INV-{number:06}", Reset.NEVER, "INV-000007", ""),
        ("{year}{month}{number:04}", Reset.MONTHLY, "2026030007", "2026-03"),
        ("{year:01}{month:01}-{number}", Reset.MONTHLY, "20263-7", "2026-03"),
    ],
)
def test_a_pattern_makes_numbers(pattern, reset, text, period):
    assert check_pattern(f" {pattern} ", reset) == pattern
    assert number_text(pattern, 7, DAY) == text
    assert count_period(reset, DAY) == period


@pytest.mark.parametrize(
    ("pattern", "reset", "message"),
    [
        ("FV/{year}", Reset.NEVER, "exactly once"),
        ("{number}-{number}", Reset.NEVER, "exactly once"),
        ("{number}", Reset.YEARLY, "each year"),
        ("{year}-{number}", Reset.MONTHLY, "each month"),
        ("{month}-{number}", Reset.MONTHLY, "each month"),
        ("{day}-{number}", Reset.NEVER, "Use only"),
        ("{number:4}", Reset.NEVER, "Use only"),
        ("{number.__class__}", Reset.NEVER, "Use only"),
        ("{number:099}", Reset.NEVER, "at most 12 digits"),
        ("{year:099}{year}-{number}", Reset.NEVER, "at most 12 digits"),
        ("{year}{year:013}-{number}", Reset.NEVER, "at most 12 digits"),
        ("{yy:012}" * 6 + "{number:012}", Reset.NEVER, "longer than 80"),
        ("FV{year}{month:01}{number}", Reset.MONTHLY, "run together"),
        ("{number}0{month:01}", Reset.NEVER, "run together"),
        ("{yy:01}{month:01}-{number}", Reset.MONTHLY, "run together"),
        ("", Reset.NEVER, "at most 60"),
        ("A\n{number}", Reset.NEVER, "at most 60"),
        ("A" * 60 + "{number}", Reset.NEVER, "at most 60"),
    ],
)
def test_a_pattern_that_would_repeat_or_cannot_be_read_is_refused(pattern, reset, message):
    with pytest.raises(UserError, match=message):
        check_pattern(pattern, reset)


@pytest.mark.parametrize(
    ("pattern", "other", "coincide"),
    [
        ("A{number}", "A{number:02}", True),  # A10
        ("{number}", "{year}{number:04}", True),  # 20260001
        ("{year}{month}{number}", "{month}{year}{number}", True),  # 2020202012
        ("A{number}1", "A{number}2", False),
        ("A{month:01}-{number}", "A{month}-{number}", True),  # A10-1
        ("INV-{year}-{number:05}", "CN-{year}-{number:05}", False),
        ("A{number}", "A{number}B", False),
        ("{year}-{number}", "{year}/{number}", False),
        ("{year}/{number}", "{year}/{month}/{number}", False),
        ("A{number:012}{year}", "A{number:03}", True),
    ],
)
def test_patterns_of_two_kinds_can_give_the_same_number(pattern, other, coincide):
    assert can_coincide(pattern, other) is can_coincide(other, pattern) is coincide
