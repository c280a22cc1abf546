"""Servers: one row per service, from before the create request until after termination."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.sdk import EncryptedText, UtcDateTime, db, now

from .accounts import Account
from .base import Base

CREATING, ACTIVE, SUSPENDED, TERMINATED = "creating", "active", "suspended", "terminated"
# Active, but shut down by the customer.
STOPPED = "stopped"


class Server(Base):
    """A requested or existing server.

    `server_id` is DigitalOcean's id. `sent_at` is when the last create request was sent, or None.
    `action_*` is the last action (a shutdown, a resize…) that a job started and waits for.
    """

    __tablename__ = "servers"
    id: Mapped[int] = mapped_column(primary_key=True)
    service_uuid: Mapped[str] = mapped_column(
        sa.String(36), sa.ForeignKey(db.service_uuid, ondelete="CASCADE"), unique=True
    )
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), index=True)
    server_id: Mapped[str | None] = mapped_column(sa.String(20))
    ip_address: Mapped[str | None] = mapped_column(sa.String(45))
    hostname: Mapped[str] = mapped_column(sa.String(253))
    root_password: Mapped[str] = mapped_column(EncryptedText, default="")
    status: Mapped[str] = mapped_column(sa.String(20), default=CREATING)
    region: Mapped[str] = mapped_column(sa.String(20))
    size: Mapped[str] = mapped_column(sa.String(60))
    image: Mapped[str] = mapped_column(sa.String(100))
    server_specs: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    action_id: Mapped[str | None] = mapped_column(sa.String(20))
    action_type: Mapped[str] = mapped_column(sa.String(30), default="")
    action_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)
    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)
    __table_args__ = (sa.Index(None, "service_uuid", "status"),)
