"""Amounts: parsing by locale, exact arithmetic, allocation, formats and decimals."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from puqpanel.domain import money
from puqpanel.domain.errors import UserError
from puqpanel.domain.money import (
    MAX_MINOR,
    CurrencyMismatchError,
    Money,
    UnknownCurrencyError,
)
from puqpanel.domain.texts import Language, _

CODES = st.sampled_from(["EUR", "PLN", "JPY", "XAF", "BHD", "CHF", "INR", "HUF"])
LOCALES = st.sampled_from(["en", "en_150", "pl", "de", "de_CH", "fr", "es", "en_IN", "ar", "fa"])
AMOUNTS = st.builds(Money, st.integers(-(10**15), 10**15), CODES)
NARROW, FIXED = "\u202f", "\u00a0"


@pytest.mark.parametrize(
    "text, currency, locale, minor",
    [
        ("12.50", "EUR", "en", 1250),
        (" 7 ", "EUR", "en", 700),
        ("0.5", "EUR", "en", 50),
        ("1000", "JPY", "en", 1000),
        ("1500", "XAF", "fr", 1500),
        ("1,234.50", "EUR", "en", 123450),
        ("1,234,567", "EUR", "en", 123456700),
        ("1,23,456.00", "INR", "en_IN", 12345600),
        ("1.234,50", "EUR", "de", 123450),
        ("1 234,50", "EUR", "pl", 123450),
        (f"1{FIXED}234,50", "EUR", "pl", 123450),
        (f"1{NARROW}234,50", "EUR", "pl", 123450),
        ("1 234", "PLN", "pl", 123400),
        ("1’234.50", "CHF", "de_CH", 123450),
        ("1'234.50", "CHF", "de_CH", 123450),
        ("12,50", "EUR", "en", 1250),
        ("12.50", "EUR", "pl", 1250),
        ("1.5", "EUR", "de", 150),
        ("0,5", "EUR", "en", 50),
        ("1234,5", "EUR", "en", 123450),
        ("1234.50", "CHF", "de_CH", 123450),
        ("1234,50", "CHF", "de_CH", 123450),
        ("0,500", "BHD", "en", 500),
        ("1.500", "BHD", "en", 1500),
        ("1,500", "BHD", "pl", 1500),
        ("92233720368547758.07", "EUR", "en", MAX_MINOR),
    ],
)
def test_amounts_are_read_by_the_locale(text, currency, locale, minor):
    assert Money.parse(text, currency, locale) == Money(minor, currency)


@pytest.mark.parametrize("text", ["1.000", "1,000", "12.345", "999,999"])
@pytest.mark.parametrize("locale", ["en", "de", "pl", "fr"])
def test_an_amount_that_can_be_read_in_two_ways_is_refused(text, locale):
    with pytest.raises(UserError, match="two ways"):
        Money.parse(text, "EUR", locale)


@pytest.mark.parametrize("text, locale", [("1,500", "en"), ("1.500", "pl"), ("1.500", "de")])
def test_three_decimals_are_read_with_the_separator_of_the_locale_only(text, locale):
    with pytest.raises(UserError, match="two ways"):
        Money.parse(text, "BHD", locale)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "much",
        "-5",
        "+5",
        "−5",
        "1.000,00",
        "1.2.3",
        "1,2,3",
        "1,23.00",
        "1 234.50",
        "1e3",
        "NaN",
        "Infinity",
        "-0",
        "１２",
        "١٢",
        "12.",
        ".5",
        "1_000",
        "1,,000",
        "€5",
        "5\n",
        "1\x00",
        "9" * 10000,
        f"1{FIXED}234.50",
        "0x10",
        "½",
        "1.234.567",
    ],
)
def test_invalid_amounts_show_the_expected_form(text):
    with pytest.raises(UserError, match=r"Enter it in this form: 1234\.50"):
        Money.parse(text, "EUR", "en")


@pytest.mark.parametrize(
    "text, locale",
    [("1,234.50", "pl"), ("1.2.3", "de"), ("1 234\u00a0567,00", "pl")],
)
def test_separators_of_other_locales_are_refused(text, locale):
    with pytest.raises(UserError, match=r"1234,50"):
        Money.parse(text, "EUR", locale)


@pytest.mark.parametrize(
    "text, currency", [("1.50", "XAF"), ("1.0", "JPY"), ("0.500", "EUR"), ("1.2345", "BHD")]
)
def test_more_decimals_than_the_currency_has_are_refused(text, currency):
    with pytest.raises(UserError, match="too many decimals"):
        Money.parse(text, currency, "en")


@pytest.mark.parametrize("text", ["92233720368547758.08", "9223372036854775808", "9" * 39])
def test_amounts_beyond_a_bigint_are_refused(text):
    with pytest.raises(UserError, match="too large"):
        Money.parse(text, "EUR", "en")
    with pytest.raises(UserError, match="too large"):
        Money(MAX_MINOR, "EUR") + Money(1, "EUR")


@pytest.mark.parametrize("code", ["XYZ", "eur", "", "EURO", "€", "E" * 1000])
def test_unknown_currencies_are_refused(code):
    for make in (Money.zero, lambda code: Money.parse("5", code, "en")):
        with pytest.raises(UnknownCurrencyError):
            make(code)


@given(AMOUNTS, LOCALES)
def test_what_a_field_shows_is_read_back(amount, locale):
    shown = abs(amount).format_number(locale)
    assert Money.parse(shown, amount.currency, locale) == abs(amount)


@given(AMOUNTS)
def test_major_units_are_exact(amount):
    assert Money.from_major(amount.major, amount.currency) == amount
    assert Money.from_major(f"{amount.major:f}", amount.currency) == amount


@pytest.mark.parametrize(
    "value",
    [
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1E+400"),
        Decimal("1e-9999"),
        Decimal("0.001"),
        "1,5",
        " 1",
        "1e3",
        "٣",
        2**63,
    ],
)
def test_code_cannot_make_invalid_amounts(value):
    with pytest.raises(UserError):
        Money.from_major(value, "EUR")


def test_floats_are_refused():
    for attempt in (
        lambda: Money(1.0, "EUR"),
        lambda: Money.from_major(1.5, "EUR"),
        lambda: Money(1, "EUR") * 1.5,
        lambda: Money(1, "EUR").scaled(0.1),
        lambda: Money(1, "EUR").allocate([0.5, 0.5]),
    ):
        with pytest.raises(TypeError):
            attempt()


def test_amounts_of_two_currencies_are_not_combined():
    euro, zloty = Money(1, "EUR"), Money(1, "PLN")
    for attempt in (
        lambda: euro + zloty,
        lambda: euro - zloty,
        lambda: euro < zloty,
        lambda: max(euro, zloty),
        lambda: Money.total([euro, zloty], "EUR"),
    ):
        with pytest.raises(CurrencyMismatchError, match=r"PLN|EUR"):
            attempt()
    assert euro != zloty
    with pytest.raises(TypeError):
        euro + 1


def test_arithmetic():
    five = Money(500, "EUR")
    assert five + five - Money(1, "EUR") == Money(999, "EUR")
    assert -five == Money(-500, "EUR") and abs(-five) == five and 3 * five == five * 3
    assert (
        Money.total([], "EUR") == Money.zero("EUR") and Money.total([five] * 3, "EUR") == 3 * five
    )
    assert Money.zero("EUR").is_zero and not Money.zero("EUR") and -five
    assert sorted([five, -five, Money.zero("EUR")])[0] == -five and five >= five and five <= five


@pytest.mark.parametrize(
    "minor, factor, result",
    [
        (1, Decimal("0.5"), 1),
        (-1, Decimal("0.5"), -1),
        (3, Decimal("0.5"), 2),
        (100, Fraction(1, 3), 33),
        (1, Decimal("0.49"), 0),
        (-3, Fraction(1, 2), -2),
        (5, 2, 10),
        (200, Fraction(-1, 3), -67),
    ],
)
def test_products_are_rounded_half_up(minor, factor, result):
    assert Money(minor, "EUR").scaled(factor) == Money(result, "EUR")


@given(AMOUNTS, st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any))
def test_parts_sum_to_the_whole_and_are_close_to_their_shares(amount, weights):
    parts = amount.allocate(weights)
    assert Money.total(parts, amount.currency) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.minor - amount.minor * Fraction(weight, sum(weights))) < 1
        assert weight or part.is_zero
    assert [-part for part in parts] == (-amount).allocate(weights)


def test_ties_go_to_the_first_parts():
    assert [part.minor for part in Money(100, "EUR").allocate([1, 1, 1])] == [34, 33, 33]
    assert [part.minor for part in Money(-5, "EUR").allocate([1, 0, 1])] == [-3, 0, -2]
    assert [p.minor for p in Money(1, "EUR").allocate([Decimal("0.1"), Decimal("0.2")])] == [0, 1]


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [2, -1]])
def test_weights_must_make_sense(weights):
    with pytest.raises(ValueError, match="weights"):
        Money(100, "EUR").allocate(weights)


@pytest.mark.parametrize(
    "minor, currency, locale, shown",
    [
        (123450, "EUR", "en", "€1,234.50"),
        (-123450, "EUR", "en", "-€1,234.50"),
        (123450, "EUR", "pl", f"1{FIXED}234,50{FIXED}€"),
        (123450, "PLN", "en", f"PLN{FIXED}1,234.50"),
        (123450, "PLN", "pl", f"1{FIXED}234,50{FIXED}zł"),
        (1234, "JPY", "en", "¥1,234"),
        (1234500, "BHD", "de", f"1.234,500{FIXED}BHD"),
    ],
)
def test_formats(minor, currency, locale, shown):
    assert Money(minor, currency).format(locale) == shown


def test_text_for_logs_is_unambiguous():
    assert [str(Money(1250, code)) for code in ("EUR", "JPY", "BHD")] == [
        "12.50 EUR",
        "1250 JPY",
        "1.250 BHD",
    ]
    assert str(Money(-5, "EUR")) == "-0.05 EUR"


def test_amounts_in_texts_follow_the_locale():
    text = _("%(price)s a month", price=Money(990, "EUR"))
    assert text.translated(Language("pl", Locale("pl"))) == f"9,90{FIXED}€ a month"


def test_stored_decimals_win_over_cldr(monkeypatch):
    assert Money(123400, "HUF").major == 123400
    monkeypatch.setattr(money, "_pinned", {})
    money.pin_exponents({"HUF": 2})
    amount = Money(123450, "HUF")
    assert (str(amount), amount.format("en")) == ("1234.50 HUF", f"HUF{FIXED}1,234.50")
    assert Money.parse("1234.50", "HUF", "en") == amount


def test_current_currencies():
    assert {"EUR", "PLN", "XAF", "BHD", "JPY"} <= money.current_currencies()
    assert not {"DEM", "XXX", "XAU", "XTS"} & money.current_currencies()
