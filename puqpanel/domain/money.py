"""Amounts: whole minor units beside an ISO 4217 code. Floats never hold money."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from puqpanel.domain.errors import UserError

EXPONENTS = {
    "BHD": 3,
    "JOD": 3,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
    "CLP": 0,
    "ISK": 0,
    "JPY": 0,
    "KRW": 0,
    "VND": 0,
}
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "PLN": "zł", "JPY": "¥", "CZK": "Kč", "UAH": "₴"}
CURRENCIES = (
    "EUR",
    "USD",
    "GBP",
    "PLN",
    "CZK",
    "UAH",
    "CHF",
    "SEK",
    "NOK",
    "DKK",
    "HUF",
    "JPY",
    "CAD",
    "AUD",
)
PERIODS = {
    "one_time": "once",
    "hourly": "hour",
    "daily": "day",
    "weekly": "week",
    "bi_weekly": "2 weeks",
    "monthly": "month",
    "quarterly": "quarter",
    "semi_annually": "6 months",
    "annually": "year",
    "biennially": "2 years",
    "triennially": "3 years",
}


@dataclass(frozen=True, slots=True)
class Money:
    """An amount.

    Args:
        minor: whole minor units (cents).
        currency: ISO 4217 code.
    """

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str | Decimal | int, currency: str) -> Money:
        """Return an amount in major units, as a person writes it.

        Digits, and one point or comma before the decimals.

        Raises:
            UserError: the text is no amount, or can be read in two ways (1,000), or has more
                decimals than the currency.
        """
        written = str(text).strip()
        places = EXPONENTS.get(currency, 2)
        found = re.fullmatch(r"(-?)([0-9]{1,15})(?:([.,])([0-9]+))?", written)
        if found is None:
            raise UserError(
                f"“{written[:40]}” is no amount; write it as"
                f" 1234{f'.{0:0{places}}' if places else ''}."
            )
        decimals = (found[4] or "").rstrip("0") if found[3] == "." else found[4] or ""
        if len(decimals) > places:
            raise UserError(
                f"“{written[:40]}” has more decimals than {currency} has ({places}); thousands are"
                " written without a separator."
            )
        return cls(int(found[1] + found[2] + decimals.ljust(places, "0")), currency)

    @classmethod
    def rounded(cls, value: Decimal, currency: str) -> Money:
        """Return an amount rounded half-up to the currency's minor unit."""
        return cls(
            int((value * 10 ** EXPONENTS.get(currency, 2)).quantize(Decimal(1), ROUND_HALF_UP)),
            currency,
        )

    @property
    def major(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-EXPONENTS.get(self.currency, 2))

    def __str__(self) -> str:
        places = EXPONENTS.get(self.currency, 2)
        text = f"{abs(self.major):,.{places}f}"
        symbol = SYMBOLS.get(self.currency)
        sign = "−" if self.minor < 0 else ""
        return (
            f"{sign}{symbol}{text}"
            if symbol and len(symbol) == 1
            else f"{sign}{text} {symbol or self.currency}"
        )
