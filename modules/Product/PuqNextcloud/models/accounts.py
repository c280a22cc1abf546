"""Which service has its account where: one row a service, so that how full a server is, is a
fact.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.sdk import UtcDateTime, db, now

from .base import Base
from .servers import Server


class Account(Base):
    """A place on a server, taken before the account is made and given back when it is gone for
    certain.

    `sent_at` is when the first request to make it went out. From then on an account of this name is
    taken for this service's own; before, for somebody else's.
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
