"""Payments, and the documents that they were allocated to."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.money import Money
from puqpanel.infra.db import Model
from puqpanel.models.accounts.clients import Client
from puqpanel.models.columns import Created, Id, Key, Reference, Sentence, Uuid, Word


class Payment(Model):
    """Money that arrived from a client.

    Attributes:
        gateway: key of the gateway; empty for payments that staff recorded.
        outside_id: the gateway's identifier, which counts once.
        status: `succeeded`; gateways will add others.
        received_on: the day of the payment.
        note: why staff recorded it, or what the payer wrote.
    """

    __tablename__ = "payments"
    __table_args__ = (
        sa.UniqueConstraint("gateway", "outside_id"),
        sa.Index("ix_payments_client_id_id", "client_id", "id"),
    )
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    company_id: Mapped[Reference] = mapped_column(sa.ForeignKey("companies.id"))
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id"))
    gateway: Mapped[str] = mapped_column(sa.String(120), default="")
    outside_id: Mapped[str] = mapped_column(sa.String(200))
    status: Mapped[Word]
    currency: Mapped[str] = mapped_column(sa.String(3))
    minor: Mapped[int] = mapped_column(sa.BigInteger)
    received_on: Mapped[date]
    note: Mapped[Sentence]
    created_at: Mapped[Created]
    client: Mapped["Client"] = relationship(lazy="joined", innerjoin=True)
    allocations: Mapped[list["Allocation"]] = relationship(order_by="Allocation.id")

    @property
    def amount(self) -> Money:
        """What arrived."""
        return Money(self.minor, self.currency)


class Allocation(Model):
    """The part of a payment, or of a client's credit, that paid a document.

    Attributes:
        payment_id: NULL if it was paid from credit.
    """

    __tablename__ = "allocations"
    id: Mapped[Key]
    payment_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("payments.id"), index=True)
    document_id: Mapped[Reference] = mapped_column(sa.ForeignKey("documents.id"), index=True)
    minor: Mapped[int] = mapped_column(sa.BigInteger)
    created_at: Mapped[Created]
