"""Prices of products and options, by currency and billing period."""

from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.domain import pricing
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.infra.clock import now
from puqpanel.infra.db import ExactDecimal, Model, UtcDateTime
from puqpanel.models.columns import Key, Moment, Reference, Uuid, Word


class Priced:
    """The columns of the price of one billing period, at which something was sold."""

    price_minor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    currency: Mapped[str] = mapped_column(sa.String(3), default="EUR")
    period: Mapped[Word] = mapped_column(default=Period.MONTHLY.value)

    @property
    def price(self) -> Money:
        """The price of one billing period."""
        return Money(self.price_minor, self.currency)


class PriceRow:
    """The columns of a price. A row never changes: it is retired, and another one takes its place.

    Attributes:
        setup_minor: charged once.
        recurring_minor: charged for each period.
        derived: whether it follows the price in the base currency.
        rate: the exchange rate with which it was derived.
        valid_from: since when it is offered.
        retired_at: when it was replaced or withdrawn.
        live: True until it is retired, then NULL; with it, a unique key allows one live row.
    """

    id: Mapped[Key]
    uuid: Mapped[Uuid]
    currency: Mapped[str] = mapped_column(sa.String(3))
    period: Mapped[Word]
    setup_minor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    recurring_minor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    derived: Mapped[bool] = mapped_column(default=False)
    rate: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    valid_from: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    retired_at: Mapped[Moment | None]
    live: Mapped[bool | None] = mapped_column(default=True)

    @property
    def setup(self) -> Money:
        """What is charged once."""
        return Money(self.setup_minor, self.currency)

    @property
    def recurring(self) -> Money:
        """What is charged for each period."""
        return Money(self.recurring_minor, self.currency)

    def quoted(self) -> pricing.Price:
        """Return the price for a quote."""
        return pricing.Price(self.setup, self.recurring, Period(self.period), self.uuid)


class Price(PriceRow, Model):
    """A price of a product for one currency and billing period."""

    __tablename__ = "prices"
    __table_args__ = (
        sa.UniqueConstraint("product_id", "currency", "period", "live", name="uq_prices_live"),
        sa.Index("ix_prices_currency_live", "currency", "live"),
    )
    product_id: Mapped[Reference] = mapped_column(sa.ForeignKey("products.id"))


class OptionPrice(PriceRow, Model):
    """A price of an option for one currency and billing period, of one unit."""

    __tablename__ = "option_prices"
    __table_args__ = (
        sa.UniqueConstraint(
            "option_id", "currency", "period", "live", name="uq_option_prices_live"
        ),
    )
    option_id: Mapped[Reference] = mapped_column(sa.ForeignKey("options.id"))
