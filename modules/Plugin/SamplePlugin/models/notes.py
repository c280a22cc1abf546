"""Notes, in the table mod_plugin_sampleplugin_notes."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.sdk import UtcDateTime, db, now


class Base(db.Tables, db.DeclarativeBase):
    """Base class of the tables; adds the module's prefix to their names."""


class Note(Base):
    """A note.

    `author` is empty for notes that the panel added. A note about a service is deleted with it.
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
    """Return the newest notes, newest first."""
    return list(db.session.scalars(sa.select(Note).order_by(Note.id.desc()).limit(limit)))


def add_note(note: Note) -> None:
    """Save a new note."""
    with db.transaction() as session:
        session.add(note)


def is_service(uuid: str) -> bool:
    """Return whether the service exists, so that a note may refer to it."""
    return db.session.scalar(sa.select(db.service_uuid).where(db.service_uuid == uuid)) is not None


def delete_older(age: timedelta) -> int:
    """Delete notes older than an age; return how many."""
    with db.transaction() as session:
        result: sa.CursorResult[tuple[()]] = session.execute(  # type: ignore[assignment]
            sa.delete(Note).where(Note.created_at < now() - age)
        )
        return result.rowcount
