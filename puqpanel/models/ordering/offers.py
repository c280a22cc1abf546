"""Offers: drafts of orders at prices that are kept until a day."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.money import Money
from puqpanel.domain.offer_states import OfferStatus
from puqpanel.infra.db import Model
from puqpanel.models.billing.companies import Company
from puqpanel.models.columns import Created, Key, Moment, Name, Reference, Sentence, Uuid, Word
from puqpanel.models.ordering.orders import Order


class Offer(Model):
    """An offer of an order to its client.

    Attributes:
        company_id: the seller.
        status: an `OfferStatus`.
        token_hash: SHA-256 of the token of its link.
        day: the day on which it was priced, in the company's time zone.
        expires_on: the last day on which it can be accepted.
        terms: shown to the recipient.
        prices: the prices of each product with its options, as they were offered.
        coupon: the discount of its coupon as it was offered; None without one.
        quote: what the recipient sees: lines, taxes, sums and what each period costs later.
        total_minor: what is to be paid at once, with tax.
        offered_by: the name of the staff member.
        answered_by: the name of who accepted or declined it.
        reason: why it was declined.
        answered_at: when it was accepted or declined; None until then.
    """

    __tablename__ = "offers"
    __table_args__ = (sa.Index("ix_offers_status_expires_on", "status", "expires_on"),)
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    order_id: Mapped[Reference] = mapped_column(sa.ForeignKey("orders.id"), index=True)
    company_id: Mapped[Reference] = mapped_column(sa.ForeignKey("companies.id"))
    status: Mapped[Word] = mapped_column(default=OfferStatus.OPEN)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    day: Mapped[date]
    expires_on: Mapped[date]
    terms: Mapped[Sentence]
    prices: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON)
    coupon: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    quote: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    currency: Mapped[str] = mapped_column(sa.String(3))
    total_minor: Mapped[int] = mapped_column(sa.BigInteger)
    offered_by: Mapped[Name]
    answered_by: Mapped[Name] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(sa.String(500), default="")
    answered_at: Mapped[Moment | None]
    created_at: Mapped[Created]
    order: Mapped["Order"] = relationship(lazy="joined", innerjoin=True)
    company: Mapped["Company"] = relationship(lazy="joined", innerjoin=True)

    @property
    def total(self) -> Money:
        """What is to be paid at once, with tax."""
        return Money(self.total_minor, self.currency)
