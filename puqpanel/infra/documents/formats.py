"""Amounts, dates, quantities and addresses as a language writes them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_interval
from babel.numbers import format_decimal, format_percent, parse_pattern

from puqpanel.domain.documents import Party
from puqpanel.domain.money import Money, exponent
from puqpanel.domain.periods import Span

MINUS = "\u2212"
_CITY_FIRST = frozenset(("US", "CA", "AU", "GB", "IE", "IN"))


def money(amount: Money, locale: Locale) -> str:
    """Return an amount with its currency."""
    return amount.format(locale).replace("-", MINUS)


@lru_cache(maxsize=1024)
def price(amount: Decimal, currency: str, locale: Locale) -> str:
    """Return a price with its currency, with further decimals if it needs them."""
    places = exponent(currency)
    minor = amount.scaleb(places)
    if minor == minor.to_integral_value():
        return money(Money(int(minor), currency), locale)
    pattern = parse_pattern(locale.currency_formats["standard"].pattern)
    exact = amount.normalize().as_tuple().exponent
    pattern.frac_prec = (places, -int(exact))
    text = str(pattern.apply(amount, locale, currency, currency_digits=False))
    sample = Money.zero(currency).format(locale)
    # CLDR's space between letters and digits, which Babel leaves out and Money.format adds
    if "\u00a0" in sample and "\u00a0" not in text:
        symbol = sample.split("\u00a0")[0]
        text = text.replace(symbol, f"{symbol}\u00a0", 1)
    return text.replace("-", MINUS)


@lru_cache(maxsize=1024)
def number(value: Decimal, locale: Locale) -> str:
    """Return a quantity."""
    text = format_decimal(value, locale=locale, decimal_quantization=False)
    return str(text).replace("-", MINUS)


@lru_cache(maxsize=256)
def percent(rate: Decimal, locale: Locale) -> str:
    """Return a rate in percent."""
    return str(format_percent(rate / 100, locale=locale, decimal_quantization=False))


def day(value: date, locale: Locale) -> str:
    """Return a date: 12 July 2025."""
    return str(format_date(value, "long", locale=locale))


def days(span: Span, locale: Locale) -> str:
    """Return the first and last day of a period: 12 Jul – 11 Aug 2025."""
    last = span.end - timedelta(days=1)
    return str(format_interval(span.start, max(last, span.start), skeleton="yMMMd", locale=locale))


def address(party: Party, other: Party, locale: Locale) -> list[str]:
    """Return the lines of an address; the country only if the other party's is another."""
    if party.country in _CITY_FIRST:
        tail = ", ".join(filter(None, [party.city, party.region]))
        place = [f"{tail} {party.postcode}"]
    else:
        place = [f"{party.postcode} {party.city}", party.region]
    country = locale.territories.get(party.country, party.country)
    lines = [*party.street.splitlines(), *place, country * (party.country != other.country)]
    return [line.strip() for line in lines if line.strip()]
