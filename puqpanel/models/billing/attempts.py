"""Attempts of clients to pay documents through a gateway, and their saved payment methods."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.money import Money
from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import Model, UtcDateTime
from puqpanel.models.accounts.clients import Client
from puqpanel.models.billing.companies import Company
from puqpanel.models.billing.documents import Document
from puqpanel.models.columns import Created, Id, Key, Message, Reference, Sentence, Uuid, Word


class PaymentMethod(Model):
    """A card or mandate of a client that its gateway stores.

    Attributes:
        gateway: UUID of the gateway.
        outside_id: the gateway's identifier of it.
        customer_id: the gateway's identifier of the client; empty if it has none.
        brand: such as `visa`.
        last4: the last four digits.
        expires: the last month, `YYYY-MM`; empty if it does not expire.
        active: whether it can be charged.
        automatic: whether it is charged before documents are due; at most one of a client.
        failures: charges that failed since the last one that succeeded.
    """

    __tablename__ = "payment_methods"
    __table_args__ = (sa.UniqueConstraint("gateway", "outside_id"),)
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    gateway: Mapped[str] = mapped_column(sa.String(36))
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id"), index=True)
    outside_id: Mapped[str] = mapped_column(sa.String(200))
    customer_id: Mapped[str] = mapped_column(sa.String(200), default="")
    brand: Mapped[str] = mapped_column(sa.String(40), default="")
    last4: Mapped[str] = mapped_column(sa.String(4), default="")
    expires: Mapped[str] = mapped_column(sa.String(7), default="")
    active: Mapped[bool] = mapped_column(default=True)
    automatic: Mapped[bool] = mapped_column(default=False)
    failures: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[Created]


class PaymentAttempt(Model):
    """A client's attempt to pay documents through a gateway.

    Attributes:
        gateway: UUID of the gateway.
        status: an `AttemptStatus`.
        save_method: whether the client agreed that the payment method is saved.
        method_id: the saved method that is charged; NULL if the client pays.
        outside_id: the gateway's identifier of its checkout; empty until there is one.
        url: the gateway's page; empty if it has none.
        data: further values of the module.
        reason: why it failed or is unknown.
        expires_at: when the client can no longer pay; NULL if that is unknown.
        polls: how often the gateway was asked about it.
        next_poll_at: when the gateway is asked again; NULL if nothing is awaited.
    """

    __tablename__ = "payment_attempts"
    __table_args__ = (
        sa.Index("ix_payment_attempts_gateway_outside_id", "gateway", "outside_id"),
        sa.Index("ix_payment_attempts_client_id_id", "client_id", "id"),
        sa.Index("ix_payment_attempts_created_at", "created_at"),
    )
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    gateway: Mapped[str] = mapped_column(sa.String(36))
    company_id: Mapped[Reference] = mapped_column(sa.ForeignKey("companies.id"))
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id"))
    currency: Mapped[str] = mapped_column(sa.String(3))
    minor: Mapped[int] = mapped_column(sa.BigInteger)
    status: Mapped[Word]
    save_method: Mapped[bool] = mapped_column(default=False)
    method_id: Mapped[int | None] = mapped_column(
        Id, sa.ForeignKey("payment_methods.id"), index=True
    )
    outside_id: Mapped[str] = mapped_column(sa.String(200), default="")
    url: Mapped[Sentence]
    data: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON, default=dict)
    reason: Mapped[Message]
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    polls: Mapped[int] = mapped_column(default=0)
    next_poll_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    created_at: Mapped[Created]
    client: Mapped["Client"] = relationship(lazy="joined", innerjoin=True)
    company: Mapped["Company"] = relationship(lazy="joined", innerjoin=True)
    method: Mapped["PaymentMethod | None"] = relationship(lazy="joined")
    documents: Mapped[list["AttemptDocument"]] = relationship(order_by="AttemptDocument.position")

    @property
    def amount(self) -> Money:
        """What is to be paid."""
        return Money(self.minor, self.currency)


class AttemptDocument(Model):
    """A document that an attempt pays.

    Attributes:
        position: in which order the documents of an attempt are paid.
    """

    __tablename__ = "attempt_documents"
    __table_args__ = (sa.UniqueConstraint("attempt_id", "document_id"),)
    id: Mapped[Key]
    attempt_id: Mapped[Reference] = mapped_column(sa.ForeignKey("payment_attempts.id"))
    document_id: Mapped[Reference] = mapped_column(sa.ForeignKey("documents.id"), index=True)
    position: Mapped[int] = mapped_column(default=0)
    document: Mapped["Document"] = relationship(lazy="joined", innerjoin=True)
