"""Amounts: whole minor units beside an ISO 4217 code. Floats never hold money."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from puqpanel.domain.errors import UserError

EXPONENTS = {"BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3, "CLP": 0, "ISK": 0, "JPY": 0, "KRW": 0, "VND": 0}
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "PLN": "zł", "JPY": "¥", "CZK": "Kč", "UAH": "₴"}
CURRENCIES = ("EUR", "USD", "GBP", "PLN", "CZK", "UAH", "CHF", "SEK", "NOK", "DKK", "HUF", "JPY", "CAD", "AUD")
PERIODS = {
    "one_time": "once", "hourly": "hour", "daily": "day", "weekly": "week", "bi_weekly": "2 weeks", "monthly": "month", "quarterly": "quarter",
    "semi_annually": "6 months", "annually": "year", "biennially": "2 years", "triennially": "3 years",
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
        """An amount in major units, rounded half-up to the currency's minor unit.

        Raises:
            UserError: the text is no amount.
        """
        try:
            value = Decimal(str(text).strip().replace(",", "."))
            minor = (value * 10 ** EXPONENTS.get(currency, 2)).quantize(Decimal(1), ROUND_HALF_UP)
        except InvalidOperation:
            raise UserError(f"“{text}” is no amount.") from None
        return cls(int(minor), currency)

    @property
    def major(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-EXPONENTS.get(self.currency, 2))

    def __str__(self) -> str:
        places = EXPONENTS.get(self.currency, 2)
        text = f"{abs(self.major):,.{places}f}"
        symbol = SYMBOLS.get(self.currency)
        sign = "−" if self.minor < 0 else ""
        return f"{sign}{symbol}{text}" if symbol and len(symbol) == 1 else f"{sign}{text} {symbol or self.currency}"
