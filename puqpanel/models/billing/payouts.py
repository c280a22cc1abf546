"""What gateways paid out to the bank accounts of companies."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.money import Money
from puqpanel.infra.db import Model
from puqpanel.models.billing.companies import Company
from puqpanel.models.columns import Created, Key, Message, Reference, Sentence, Uuid, Word


class Payout(Model):
    """Money that a provider sent to the bank account of a company.

    Attributes:
        gateway: UUID of the gateway.
        outside_id: the provider's identifier, or the token of the form if staff recorded it.
        status: a `PayoutStatus`.
        paid_on: the day on which it arrives at the bank.
        reason: why it failed, or why staff removed it.
        note: the reference of the bank, entered by staff.
    """

    __tablename__ = "payouts"
    __table_args__ = (
        sa.UniqueConstraint("gateway", "outside_id"),
        sa.Index("ix_payouts_paid_on_id", "paid_on", "id"),
    )
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    company_id: Mapped[Reference] = mapped_column(sa.ForeignKey("companies.id"))
    gateway: Mapped[str] = mapped_column(sa.String(36))
    outside_id: Mapped[str] = mapped_column(sa.String(200))
    status: Mapped[Word]
    currency: Mapped[str] = mapped_column(sa.String(3))
    minor: Mapped[int] = mapped_column(sa.BigInteger)
    paid_on: Mapped[date]
    reason: Mapped[Message]
    note: Mapped[Sentence]
    created_at: Mapped[Created]
    company: Mapped[Company] = relationship(lazy="joined", innerjoin=True)

    @property
    def amount(self) -> Money:
        """What was paid out."""
        return Money(self.minor, self.currency)
