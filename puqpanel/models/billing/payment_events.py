"""Webhook events of gateways, which are stored before a task reads them."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Key, Message, Uuid, Word


class PaymentEvent(Model):
    """A webhook whose signature was verified.

    Attributes:
        gateway: UUID of the gateway.
        digest: SHA-256 of the body: a repeated delivery is the same event.
        status: an `EventStatus`.
        content: `body` (base64) and `headers` as they arrived; encrypted, because they may hold
            personal data.
        deliveries: how often it was delivered.
        note: what it reported, or why it could not be read.
    """

    __tablename__ = "payment_events"
    __table_args__ = (
        sa.UniqueConstraint("gateway", "digest"),
        sa.Index("ix_payment_events_status_created_at", "status", "created_at"),
        sa.Index("ix_payment_events_created_at", "created_at"),
    )
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    gateway: Mapped[str] = mapped_column(sa.String(36))
    digest: Mapped[str] = mapped_column(sa.String(64))
    status: Mapped[Word]
    content: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON, default=dict)
    deliveries: Mapped[int] = mapped_column(default=1)
    note: Mapped[Message]
    created_at: Mapped[Created]
