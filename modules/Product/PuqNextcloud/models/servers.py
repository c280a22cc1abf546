"""Where accounts are made: servers, in groups that a product names."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.sdk import EncryptedText, UtcDateTime, now

from .base import Base

FILL_FIRST, LEAST_LOADED = "fill_first", "least_loaded"


class ServerGroup(Base):
    """Servers among which new accounts are shared out: the first one with room, or the one with
    the fewest accounts.
    """

    __tablename__ = "server_groups"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    description: Mapped[str] = mapped_column(sa.String(500), default="")
    allocation: Mapped[str] = mapped_column(sa.String(20), default=FILL_FIRST)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Server(Base):
    """One cloud, and the administrator that the panel signs in as.

    `max_accounts` 0 means no limit; `active` lets new accounts in.
    """

    __tablename__ = "servers"
    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(sa.ForeignKey("server_groups.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    host: Mapped[str] = mapped_column(sa.String(253))
    path: Mapped[str] = mapped_column(sa.String(200), default="")
    port: Mapped[int]
    ssl: Mapped[bool] = mapped_column(default=True)
    verify_tls: Mapped[bool] = mapped_column(default=True)
    username: Mapped[str] = mapped_column(sa.String(200))
    password: Mapped[str] = mapped_column(EncryptedText)
    max_accounts: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    group: Mapped[ServerGroup] = relationship(lazy="joined", innerjoin=True)

    @property
    def url(self) -> str:
        """Where the cloud is, for the panel and for its users; the port only where it is not
        the usual one.
        """
        scheme, usual = ("https", 443) if self.ssl else ("http", 80)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}{'' if self.port == usual else f':{self.port}'}{self.path}"
