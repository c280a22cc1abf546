"""DigitalOcean accounts and their API tokens."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.sdk import EncryptedText, UtcDateTime, now

from .base import Base


class Account(Base):
    """A DigitalOcean account.

    `max_servers` 0 means no limit; an inactive account accepts no new servers.
    """

    __tablename__ = "accounts"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    api_url: Mapped[str] = mapped_column(sa.String(253))
    api_token: Mapped[str] = mapped_column(EncryptedText)
    max_servers: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    def has_capacity(self, servers: int) -> bool:
        """Return whether the account accepts another server besides the present ones."""
        return self.active and (not self.max_servers or servers < self.max_servers)
