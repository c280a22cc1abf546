"""Invitations of people to become users of a client."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.infra.db import Model
from puqpanel.models.accounts.clients import Client
from puqpanel.models.accounts.users import User
from puqpanel.models.columns import Created, Email, Key, Moment, Reference, Uuid


class Invitation(Model):
    """An invitation; accepting or withdrawing it deletes the row.

    Attributes:
        inviter_id: the user who invites; a change of their rights ends the invitation.
        token_hash: SHA-256 of the token of its link.
        owner: whether the invited person gets all permissions.
        permissions: of others, keys of `CLIENT_PERMISSIONS`.
    """

    __tablename__ = "invitations"
    __table_args__ = (sa.UniqueConstraint("client_id", "email"),)
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id", ondelete="CASCADE"))
    inviter_id: Mapped[Reference] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    email: Mapped[Email]
    owner: Mapped[bool]
    permissions: Mapped[list[str]] = mapped_column(sa.JSON)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    expires_at: Mapped[Moment]
    created_at: Mapped[Created]
    client: Mapped["Client"] = relationship(lazy="joined", innerjoin=True)
    inviter: Mapped["User"] = relationship(lazy="joined", innerjoin=True)
