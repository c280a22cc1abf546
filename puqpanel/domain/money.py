"""Amounts of money: integer minor units and an ISO 4217 code, never floats.

The number of decimals of a currency is CLDR's, until the currency is enabled: then it is stored
with the currency and stays, because stored amounts depend on it and CLDR changes it now and then
(HUF: 2, later 0). `pin_exponents` announces the stored ones to the process.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache

from babel import Locale
from babel.core import get_global
from babel.numbers import (
    get_currency_precision,
    get_territory_currencies,
    is_currency,
    parse_pattern,
)

from puqpanel.domain.decimals import (
    MAX_TEXT_LENGTH,
    format_localized,
    half_up,
    is_ambiguous,
    parse_localized,
)
from puqpanel.domain.errors import PanelError, UserError
from puqpanel.domain.texts import Text, _

MAX_MINOR = 2**63 - 1
"""The largest amount that a BIGINT column holds."""
_pinned: Mapping[str, int] = {}


class UnknownCurrencyError(UserError):
    """The code is not an ISO 4217 code that CLDR knows."""

    error_code = "unknown_currency"


class CurrencyMismatchError(PanelError):
    """Amounts of different currencies cannot be added or compared."""


def pin_exponents(exponents: Mapping[str, int]) -> None:
    """Use these numbers of decimals instead of CLDR's, in this process."""
    global _pinned
    _pinned = dict(exponents)


def exponent(currency: str) -> int:
    """Return the number of decimals of a currency.

    Raises:
        UnknownCurrencyError: the code is unknown.
    """
    if currency in _pinned:
        return _pinned[currency]
    return _of_cldr(currency)


@lru_cache(maxsize=512)
def _of_cldr(currency: str) -> int:
    if not is_currency(currency):
        raise UnknownCurrencyError(_("%(code)s is not a known currency.", code=currency[:40]))
    return int(get_currency_precision(currency))


@cache
def current_currencies() -> frozenset[str]:
    """Return the codes of the currencies that are legal tender somewhere today."""
    territories = get_global("territory_currencies")
    return frozenset(code for each in territories for code in get_territory_currencies(each))


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of money. Zero is false, as with other numbers.

    Args:
        minor: minor units, such as cents.
        currency: ISO 4217 code.

    Raises:
        UnknownCurrencyError: the code is unknown.
        UserError: the amount does not fit a BIGINT column.
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are integers, not {type(self.minor).__name__}")
        exponent(self.currency)
        if abs(self.minor) > MAX_MINOR:
            raise UserError(_("The amount in %(currency)s is too large.", currency=self.currency))

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Return no money."""
        return cls(0, currency)

    @classmethod
    def from_major(cls, amount: Decimal | int | str, currency: str) -> Money:
        """Return an exact amount in major units that code or a machine wrote, such as "1234.50".

        Raises:
            UserError: it is not a number, or has more decimals than the currency.
        """
        if isinstance(amount, float):
            raise TypeError("a float is not an exact amount")
        if isinstance(amount, str):
            if re.fullmatch(r"-?[0-9]{1,20}(\.[0-9]{1,20})?", amount) is None:
                raise UserError(_("“%(amount)s” is not a valid amount.", amount=amount[:40]))
            amount = Decimal(amount)
        value = Decimal(amount)
        if not value.is_finite():
            raise UserError(_("“%(amount)s” is not a valid amount.", amount=str(value)[:40]))
        if abs(value) > MAX_MINOR:
            raise UserError(_("The amount in %(currency)s is too large.", currency=currency))
        places = exponent(currency)
        if value.as_tuple().exponent < -MAX_TEXT_LENGTH:  # type: ignore[operator]  # finite
            raise UserError(_too_many_decimals(str(value), currency, places))
        minor = Fraction(value) * 10**places
        if minor.denominator != 1:
            raise UserError(_too_many_decimals(str(value), currency, places))
        return cls(minor.numerator, currency)

    @classmethod
    def parse(cls, text: str, currency: str, locale: Locale | str) -> Money:
        """Read an amount in major units that a person typed, without a sign.

        Args:
            text: what was typed; grouping separators of the locale are accepted.
            currency: ISO 4217 code.
            locale: whose separators apply.

        Raises:
            UserError: the text is not an amount in this locale, can be read in two ways (1,000),
                or has more decimals than the currency; the message shows an example.
        """
        places = exponent(currency)
        shown = text.strip()[:MAX_TEXT_LENGTH]
        example = format_localized(Decimal("1234.5"), locale, places, grouping=False)
        number = parse_localized(text, locale)
        # with three decimals the locale's own separator has one reading: 1.000 BHD
        is_exact = number is not None and places >= 3 and number < 1000
        if is_ambiguous(text) and not is_exact:
            raise UserError(
                _(
                    "“%(amount)s” can be read in two ways. Enter thousands without a separator,"
                    " for example %(example)s.",
                    amount=shown,
                    example=example,
                )
            )
        if number is None:
            raise UserError(
                _(
                    "“%(amount)s” is not a valid amount. Enter it in this form: %(example)s.",
                    amount=shown,
                    example=example,
                )
            )
        if -number.as_tuple().exponent > places:  # type: ignore[operator]  # finite
            raise UserError(_too_many_decimals(shown, currency, places))
        return cls.from_major(number, currency)

    @classmethod
    def total(cls, amounts: Iterable[Money], currency: str) -> Money:
        """Return the sum of amounts in one currency; zero if there are none."""
        zero = cls.zero(currency)
        return cls(sum(map(zero._same, amounts)), currency)

    @property
    def major(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    @property
    def is_zero(self) -> bool:
        """Whether the amount is zero."""
        return self.minor == 0

    def __bool__(self) -> bool:
        return self.minor != 0

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.minor), self.currency)

    def __mul__(self, count: int) -> Money:
        if type(count) is not int:
            return NotImplemented
        return Money(self.minor * count, self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other)

    def _same(self, other: object) -> int:
        """Return the minor units of an amount in the same currency."""
        if not isinstance(other, Money):
            raise TypeError(f"{type(other).__name__} is not money")
        if other.currency != self.currency:
            raise CurrencyMismatchError(
                _(
                    "%(currency)s can't be combined with %(currency_2)s.",
                    currency=other.currency,
                    currency_2=self.currency,
                )
            )
        return other.minor

    def scaled(self, factor: Decimal | Fraction | int) -> Money:
        """Return the product with an exact factor, rounded once: a half away from zero."""
        return Money(half_up(self.minor * _exact(factor)), self.currency)

    def allocate(self, weights: Sequence[Decimal | Fraction | int]) -> list[Money]:
        """Split the amount in proportion to weights; the parts sum to the whole.

        Minor units that are left over go to the largest remainders, the first of equal ones.

        Raises:
            ValueError: a weight is negative, or none is positive.
        """
        shares = [_exact(weight) for weight in weights]
        if any(share < 0 for share in shares) or not any(shares):
            raise ValueError("weights must not be negative, and one must be positive")
        size, whole = abs(self.minor), sum(shares)
        exact = [size * share / whole for share in shares]
        parts = [int(part) for part in exact]
        by_remainder = sorted(range(len(parts)), key=lambda at: (parts[at] - exact[at], at))
        for at in by_remainder[: size - sum(parts)]:
            parts[at] += 1
        sign = -1 if self.minor < 0 else 1
        return [Money(sign * part, self.currency) for part in parts]

    def format(self, locale: Locale | str) -> str:
        """Return the amount with the currency's symbol, as a locale writes it."""
        places = exponent(self.currency)
        return _formatted(self.minor, places, self.currency, Locale.parse(locale))

    def in_locale(self, locale: Locale) -> str:
        """Return the amount as a value of a translatable text."""
        return self.format(locale)

    def format_number(self, locale: Locale | str) -> str:
        """Return the amount without the currency, as `parse` reads it."""
        return format_localized(self.major, locale, exponent(self.currency), grouping=False)

    def __str__(self) -> str:
        """Return the amount for logs and English texts: 1234.50 EUR."""
        return f"{self.major:f} {self.currency}"


@lru_cache(maxsize=4096)
def _formatted(minor: int, places: int, currency: str, locale: Locale) -> str:
    pattern = parse_pattern(locale.currency_formats["standard"].pattern)
    pattern.frac_prec = (places, places)
    major = Decimal(minor).scaleb(-places)
    text = str(pattern.apply(major, locale, currency, currency_digits=False))
    # CLDR puts a space between letters and digits (PLN 12.50); Babel does not
    return re.sub(r"(?<=[^\W\d_])(?=[0-9])|(?<=[0-9])(?=[^\W\d_])", "\u00a0", text)


def _exact(number: Decimal | Fraction | int) -> Fraction:
    if isinstance(number, float):
        raise TypeError("a float is not exact")
    return number if isinstance(number, Fraction) else Fraction(number)


def _too_many_decimals(shown: str, currency: str, places: int) -> Text:
    return _(
        "“%(amount)s” has too many decimals for %(currency)s (maximum %(places)s).",
        amount=shown[:40],
        currency=currency,
        places=places,
    )
