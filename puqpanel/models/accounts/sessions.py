"""Sessions of staff and users."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Key, Moment, Uuid, Word

STAFF, CUSTOMER = "staff", "customer"


class AccountSession(Model):
    """A session of a staff member or a user.

    The browser has a random ID; the row has only its SHA-256. `seen_at` is at most a minute behind.
    `draft` is a submitted form to show again after a sign-in. A session with an `impersonator_id`
    is of a staff member who views the client area as the user; `parent_id` is their own session.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        sa.Index("ix_sessions_staff_id_ended_at_id", "staff_id", "ended_at", "id"),
        sa.Index("ix_sessions_user_id_ended_at_id", "user_id", "ended_at", "id"),
        sa.Index("ix_sessions_ended_at", "ended_at"),
        sa.Index("ix_sessions_parent_id", "parent_id"),
    )
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    area: Mapped[Word]
    staff_id: Mapped[int | None] = mapped_column(sa.ForeignKey("staff.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    impersonator_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("staff.id", ondelete="CASCADE"), index=True
    )
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("sessions.id", ondelete="CASCADE"))
    keep: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Created]
    seen_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    ended_at: Mapped[Moment | None]
    end_reason: Mapped[str | None] = mapped_column(sa.String(40))
    ip: Mapped[str] = mapped_column(sa.String(45), default="")
    user_agent: Mapped[str] = mapped_column(sa.String(300), default="")
    draft: Mapped[Any | None] = mapped_column(EncryptedJSON, deferred=True)
