"""Payments, the documents that they were allocated to, and what was taken back of them."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.money import Money
from puqpanel.infra.db import Model, UtcDateTime
from puqpanel.models.accounts.clients import Client
from puqpanel.models.billing.companies import Company
from puqpanel.models.columns import Created, Id, Key, Message, Reference, Sentence, Uuid, Word


class Payment(Model):
    """Money that arrived from a client, or that a gateway says will arrive.

    Attributes:
        gateway: UUID of the gateway; empty for payments that staff recorded.
        outside_id: the gateway's identifier, which counts once.
        status: a `PaymentStatus`.
        client_id: NULL only while it is parked and nobody knows who paid.
        attempt_id: the attempt that it belongs to; NULL if there was none.
        received_on: the day of the payment.
        fee_minor: what the gateway kept of the amount; NULL if that is unknown.
        payer: name or e-mail address that the gateway reported.
        reason: why it is pending, failed or parked.
        action_url: where the client must confirm it; empty if nowhere.
        note: why staff recorded it, or what the payer wrote.
        polls: how often the gateway was asked about it while it was awaited.
        next_poll_at: when the gateway is asked again; NULL if nothing is awaited.
    """

    __tablename__ = "payments"
    __table_args__ = (
        sa.UniqueConstraint("gateway", "outside_id"),
        sa.Index("ix_payments_client_id_id", "client_id", "id"),
        sa.Index("ix_payments_status_id", "status", "id"),
    )
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    company_id: Mapped[Reference] = mapped_column(sa.ForeignKey("companies.id"))
    client_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("clients.id"))
    attempt_id: Mapped[int | None] = mapped_column(
        Id, sa.ForeignKey("payment_attempts.id"), index=True
    )
    gateway: Mapped[str] = mapped_column(sa.String(120), default="")
    outside_id: Mapped[str] = mapped_column(sa.String(200))
    status: Mapped[Word]
    currency: Mapped[str] = mapped_column(sa.String(3))
    minor: Mapped[int] = mapped_column(sa.BigInteger)
    received_on: Mapped[date]
    fee_minor: Mapped[int | None] = mapped_column(sa.BigInteger)
    payer: Mapped[str] = mapped_column(sa.String(200), default="")
    reason: Mapped[Message]
    action_url: Mapped[Sentence]
    note: Mapped[Sentence]
    polls: Mapped[int] = mapped_column(default=0)
    next_poll_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    created_at: Mapped[Created]
    client: Mapped["Client | None"] = relationship(lazy="joined")
    company: Mapped["Company"] = relationship(lazy="joined", innerjoin=True)
    allocations: Mapped[list["Allocation"]] = relationship(order_by="Allocation.id")
    refunds: Mapped[list["Refund"]] = relationship(order_by="Refund.id", back_populates="payment")

    @property
    def amount(self) -> Money:
        """What arrived."""
        return Money(self.minor, self.currency)

    @property
    def refunded(self) -> Money:
        """What was taken back, or will be: refunds and disputes that did not fail."""
        return Money(
            sum(row.minor for row in self.refunds if row.status != "failed"), self.currency
        )


class Allocation(Model):
    """The part of a payment, or of a client's credit, that paid a document.

    Attributes:
        payment_id: NULL if it was paid from credit.
        minor: negative if a refund or dispute took the money back from the document.
    """

    __tablename__ = "allocations"
    id: Mapped[Key]
    payment_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("payments.id"), index=True)
    document_id: Mapped[Reference] = mapped_column(sa.ForeignKey("documents.id"), index=True)
    minor: Mapped[int] = mapped_column(sa.BigInteger)
    created_at: Mapped[Created]


class Refund(Model):
    """Money of a payment that went back: a refund, or a dispute that withdrew it.

    Its posting is written when it is requested, so that the money is not spent meanwhile, and is
    reversed if it fails.

    Attributes:
        kind: `refund` or `dispute`.
        status: a `RefundStatus`; a dispute that was won has failed.
        outside_id: the gateway's identifier of it; NULL until it is known.
        reason: why staff requested it, for the record.
        detail: what the gateway said.
        polls: how often the gateway was asked about it.
        next_poll_at: when the gateway is asked again; NULL if nothing is awaited.
    """

    __tablename__ = "refunds"
    __table_args__ = (sa.UniqueConstraint("payment_id", "kind", "outside_id"),)
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    payment_id: Mapped[Reference] = mapped_column(sa.ForeignKey("payments.id"))
    kind: Mapped[Word]
    status: Mapped[Word]
    currency: Mapped[str] = mapped_column(sa.String(3))
    minor: Mapped[int] = mapped_column(sa.BigInteger)
    outside_id: Mapped[str | None] = mapped_column(sa.String(200))
    day: Mapped[date]
    reason: Mapped[Sentence]
    detail: Mapped[Message]
    polls: Mapped[int] = mapped_column(default=0)
    next_poll_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    created_at: Mapped[Created]
    payment: Mapped["Payment"] = relationship(back_populates="refunds")

    @property
    def amount(self) -> Money:
        """What went back."""
        return Money(self.minor, self.currency)
