"""Accounts: which service uses which user on which server."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.sdk import UtcDateTime, db, now

from .base import Base
from .servers import Server


class Account(Base):
    """A user name on a server, reserved for one service.

    The row exists from before the user is created until the user is certainly deleted. `sent_at`
    is when the first request to create the user was sent: a user with this name found on the
    server belongs to this service from then on, and to somebody else before.
    """

    __tablename__ = "accounts"
    __table_args__ = (sa.UniqueConstraint("server_id", "username"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    service_uuid: Mapped[str] = mapped_column(
        sa.String(36), sa.ForeignKey(db.service_uuid, ondelete="CASCADE"), unique=True
    )
    server_id: Mapped[int] = mapped_column(sa.ForeignKey("servers.id"))
    username: Mapped[str] = mapped_column(sa.String(64))
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    server: Mapped[Server] = relationship(lazy="joined", innerjoin=True)
