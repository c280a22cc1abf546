"""Clients, which are the accounts that buy, and their users."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.infra.db import Model
from puqpanel.models.accounts.users import User
from puqpanel.models.columns import Created, Email, Key, Name, Reference, Sentence, Uuid
from puqpanel.models.searchable import Searchable


class Client(Searchable, Model):
    """A person or company that buys services."""

    __tablename__ = "clients"
    searched = ("name", "company", "email")
    __table_args__ = (sa.Index("ix_clients_active_id", "active", "id"),)
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    name: Mapped[Name] = mapped_column(index=True)
    email: Mapped[Email] = mapped_column(index=True)
    company: Mapped[str] = mapped_column(sa.String(200), default="")
    country: Mapped[str] = mapped_column(sa.String(2), default="")
    currency: Mapped[str] = mapped_column(sa.String(3), default="EUR")
    notes: Mapped[Sentence]
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[Created]
    members: Mapped[list[ClientUser]] = relationship(
        back_populates="client", cascade="all, delete-orphan"
    )


class ClientUser(Model):
    """A user of a client; the owner has all permissions, other users those in `permissions`."""

    __tablename__ = "client_users"
    client_id: Mapped[Reference] = mapped_column(
        sa.ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[Reference] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    owner: Mapped[bool] = mapped_column(default=False)
    permissions: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    created_at: Mapped[Created]
    client: Mapped[Client] = relationship(back_populates="members")
    user: Mapped[User] = relationship()
