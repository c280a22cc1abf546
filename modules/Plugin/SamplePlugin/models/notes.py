"""The module's one table; its name gets the module's prefix, mod_plugin_sampleplugin_notes."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.sdk import UtcDateTime, db, now


class Base(db.Tables, db.DeclarativeBase):
    """The base of the module's tables."""


class Note(Base):
    """One note.

    `author` is empty where the panel wrote it; a note about a service goes with the service.
    """

    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(sa.Text)
    author: Mapped[str] = mapped_column(sa.String(200), default="")
    service_uuid: Mapped[str | None] = mapped_column(
        sa.String(36), sa.ForeignKey(db.service_uuid, ondelete="CASCADE")
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)


def newest(limit: int) -> list[Note]:
    """The newest notes, the newest first."""
    return list(db.session.scalars(sa.select(Note).order_by(Note.id.desc()).limit(limit)))


def keep(note: Note) -> None:
    """Stores a note."""
    with db.transaction() as session:
        session.add(note)


def is_service(uuid: str) -> bool:
    """Whether there is such a service: a note can only be about one that is there."""
    return db.session.scalar(sa.select(db.service_uuid).where(db.service_uuid == uuid)) is not None


def forget_before(age: timedelta) -> int:
    """Removes notes older than that; answers how many."""
    with db.transaction() as session:
        result: sa.CursorResult[tuple[()]] = session.execute(
            sa.delete(Note).where(Note.created_at < now() - age)
        )  # type: ignore[assignment]
        return result.rowcount
