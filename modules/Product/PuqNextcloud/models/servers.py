"""Nextcloud servers, and the groups that products refer to."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.sdk import EncryptedText, UtcDateTime, now

from .base import Base

FILL_FIRST, LEAST_LOADED = "fill_first", "least_loaded"


class ServerGroup(Base):
    """A group of servers.

    A new account goes to the first server with capacity, or to the one with the fewest accounts.
    """

    __tablename__ = "server_groups"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    description: Mapped[str] = mapped_column(sa.String(500), default="")
    allocation: Mapped[str] = mapped_column(sa.String(20), default=FILL_FIRST)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Server(Base):
    """A Nextcloud, and the administrator that the panel signs in as.

    `max_accounts` 0 means no limit; an inactive server accepts no new accounts.
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
        """Return the address for the panel and for users, without a default port."""
        scheme, default_port = ("https", 443) if self.ssl else ("http", 80)
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == default_port else f":{self.port}"
        return f"{scheme}://{host}{port}{self.path}"

    def has_capacity(self, accounts: int) -> bool:
        """Return whether the server accepts another account besides the present ones."""
        return self.active and (not self.max_accounts or accounts < self.max_accounts)
