"""Servers and server groups."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.sdk import EncryptedText, UtcDateTime, db, now


class Base(db.Tables, db.DeclarativeBase):
    """Base class of the tables; adds the module's prefix to their names."""


def new_uuid() -> str:
    """Return a random UUID."""
    return str(uuid.uuid4())


class CloudServerGroup(Base):
    """A group of servers; products prefer the group named like their location."""

    __tablename__ = "cloud_server_groups"
    uuid: Mapped[str] = mapped_column(sa.String(36), primary_key=True, default=new_uuid)
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    description: Mapped[str | None] = mapped_column(sa.String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)


class CloudServer(Base):
    """A server of the provider and its API key; `max_accounts` 0 means no limit."""

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
        """Return the address of the API."""
        return f"{'https' if self.ssl else 'http'}://{self.host}:{self.port}"
