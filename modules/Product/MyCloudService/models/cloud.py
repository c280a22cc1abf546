"""The module's own two tables. Their names get the module's prefix."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.sdk import EncryptedText, UtcDateTime, db, now


class Base(db.Tables, db.DeclarativeBase):
    """What the module's tables share: their names get the module's prefix."""


def new_uuid() -> str:
    """A random UUID."""
    return str(uuid.uuid4())


class CloudServerGroup(Base):
    """Servers that belong together; a group named like a product's location is where that
    product's accounts go first.
    """

    __tablename__ = "cloud_server_groups"
    uuid: Mapped[str] = mapped_column(sa.String(36), primary_key=True, default=new_uuid)
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    description: Mapped[str | None] = mapped_column(sa.String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)


class CloudServer(Base):
    """One provider and the key to it; `max_accounts` 0 means no limit."""

    __tablename__ = "cloud_servers"
    uuid: Mapped[str] = mapped_column(sa.String(36), primary_key=True, default=new_uuid)
    group_uuid: Mapped[str] = mapped_column(sa.ForeignKey("cloud_server_groups.uuid"))
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    host: Mapped[str] = mapped_column(sa.String(253))
    username: Mapped[str] = mapped_column(sa.String(200), default="")
    password: Mapped[str] = mapped_column(EncryptedText, default="")
    api_key: Mapped[str | None] = mapped_column(EncryptedText)
    active: Mapped[bool] = mapped_column(default=True)
    ssl: Mapped[bool] = mapped_column(default=True)
    port: Mapped[int] = mapped_column(default=443)
    max_accounts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)
    group: Mapped[CloudServerGroup] = relationship(lazy="joined", innerjoin=True)
    __table_args__ = (sa.Index(None, "active", "group_uuid"),)

    @property
    def url(self) -> str:
        """Where its API is."""
        return f"{'https' if self.ssl else 'http'}://{self.host}:{self.port}"
