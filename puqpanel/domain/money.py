"""Amounts of money: integer minor units and an ISO 4217 code, never floats."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

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
    """An amount of money.

    Args:
        minor: minor units, such as cents.
        currency: ISO 4217 code.
    """

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str | Decimal | int, currency: str) -> Money:
        """Parse an amount in major units: digits, with a point or comma before the decimals.

        Raises:
            UserError: the text is not an amount, is ambiguous (1,000), or has more decimals than
                the currency.
        """
        written = str(text).strip()
        places = EXPONENTS.get(currency, 2)
        match = re.fullmatch(r"(-?)([0-9]{1,15})(?:([.,])([0-9]+))?", written)
        if match is None:
            raise UserError(
                f"“{written[:40]}” is not a valid amount; enter it as"
                f" 1234{f'.{0:0{places}}' if places else ''}."
            )
        decimals = (match[4] or "").rstrip("0") if match[3] == "." else match[4] or ""
        if len(decimals) > places:
            raise UserError(
                f"“{written[:40]}” has too many decimals for {currency} (maximum {places}); enter"
                " thousands without a separator."
            )
        return cls(int(match[1] + match[2] + decimals.ljust(places, "0")), currency)

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
