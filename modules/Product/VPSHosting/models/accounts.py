"""Accounts at DigitalOcean, and the tokens that the panel signs in with."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.sdk import EncryptedText, UtcDateTime, now

from .base import Base


class Account(Base):
    """One account. `max_servers` 0 means no limit of the panel's; `active` lets new servers in."""

    __tablename__ = "accounts"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    api_url: Mapped[str] = mapped_column(sa.String(253))
    api_token: Mapped[str] = mapped_column(EncryptedText)
    max_servers: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
