"""Coupons, and the orders in which they were used."""

from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.domain import pricing
from puqpanel.domain.money import Money
from puqpanel.infra.db import ExactDecimal, Model
from puqpanel.models.columns import Created, Key, Moment, Reference, Uuid, Word


class Coupon(Model):
    """A discount for those who enter a code. It is ended, never deleted.

    Attributes:
        code: upper-case.
        percent: off the price; None for an amount.
        amount_minor: off the order, in `currency`; None for a percentage.
        currency: of the amount; empty for a percentage.
        products: UUIDs of the products that it is valid for; empty for all.
        cycles: for how many periods of a service; None for all.
        setup: whether setup fees are reduced too.
        valid_from: the first day, in the zone of the seller; None for no limit.
        valid_until: the last day; None for no limit.
        max_uses: how many orders may use it; None for any number.
        once_per_client: whether a client can use it in one order only.
        uses: how many orders use it.
        ended_at: when staff ended it.
    """

    __tablename__ = "coupons"
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    code: Mapped[Word] = mapped_column(unique=True)
    percent: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    amount_minor: Mapped[int | None] = mapped_column(sa.BigInteger)
    currency: Mapped[str] = mapped_column(sa.String(3), default="")
    products: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    cycles: Mapped[int | None]
    setup: Mapped[bool] = mapped_column(default=False)
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    max_uses: Mapped[int | None]
    once_per_client: Mapped[bool] = mapped_column(default=False)
    uses: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[Moment | None]
    created_at: Mapped[Created]

    @property
    def amount(self) -> Money | None:
        """The amount off an order; None for a percentage."""
        return None if self.amount_minor is None else Money(self.amount_minor, self.currency)

    @property
    def terms(self) -> pricing.Coupon:
        """The discount for a quote."""
        return pricing.Coupon(
            code=self.code,
            percent=self.percent,
            amount=self.amount,
            products=frozenset(self.products),
            cycles=self.cycles,
            setup=self.setup,
        )


class CouponUse(Model):
    """That an order uses a coupon; deleted if the order is cancelled unpaid.

    Attributes:
        once: True for a coupon that a client can use once, else NULL; with it, a unique key allows
            one use.
    """

    __tablename__ = "coupon_uses"
    __table_args__ = (
        sa.UniqueConstraint("coupon_id", "client_id", "once", name="uq_coupon_uses_once"),
    )
    id: Mapped[Key]
    coupon_id: Mapped[Reference] = mapped_column(sa.ForeignKey("coupons.id"))
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id"), index=True)
    order_id: Mapped[Reference] = mapped_column(sa.ForeignKey("orders.id"), unique=True)
    once: Mapped[bool | None]
    created_at: Mapped[Created]
