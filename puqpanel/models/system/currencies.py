"""Currencies: which are enabled, their exchange rates and rounding rules."""

from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.domain.rates import Rate, Rounding
from puqpanel.infra.db import ExactDecimal, Model
from puqpanel.models.columns import Word


class Currency(Model):
    """A currency that is or was enabled.

    Clients and products have a currency too, so the table belongs to the lowest subject area.

    Attributes:
        code: ISO 4217 code.
        exponent: number of decimals of stored amounts; it never changes, whatever CLDR says later.
        enabled: whether clients and products may be given it.
        is_base: True for the base currency, to which rates refer, and NULL for all others.
        rate: units of this currency for one unit of the base currency; NULL if unknown.
        rate_date: the day of the rate.
        step: converted amounts are multiples of it, in major units.
        rounding: how they are rounded, a `Rounding`.
    """

    __tablename__ = "currencies"
    code: Mapped[str] = mapped_column(sa.String(3), primary_key=True)
    exponent: Mapped[int] = mapped_column(sa.SmallInteger)
    enabled: Mapped[bool] = mapped_column(default=True)
    is_base: Mapped[bool | None] = mapped_column(unique=True)
    rate: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    rate_date: Mapped[date | None]
    step: Mapped[Decimal] = mapped_column(ExactDecimal)
    rounding: Mapped[Word] = mapped_column(default=Rounding.HALF_UP)

    def conversion(self) -> Rate | None:
        """Return the rate with its rounding rule; None without a rate."""
        return None if self.rate is None else Rate(self.rate, self.step, Rounding(self.rounding))
