"""Imported statements, their lines, and how the CSV files of an account are read."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.sdk import UtcDateTime, db, major_units, now

from .base import BIG, Base

NEW, CONFIRMED, BOOKED, IGNORED = "new", "confirmed", "booked", "ignored"


class Statement(Base):
    """A file that staff uploaded.

    `content` is kept only while a CSV file waits for its columns.
    """

    __tablename__ = "statements"
    id: Mapped[int] = mapped_column(BIG, primary_key=True)
    gateway_uuid: Mapped[str] = mapped_column(sa.String(36))
    account: Mapped[str] = mapped_column(sa.String(60))
    currency: Mapped[str] = mapped_column(sa.String(3))
    file_name: Mapped[str] = mapped_column(sa.String(200))
    format: Mapped[str] = mapped_column(sa.String(10))
    content: Mapped[bytes | None] = mapped_column(sa.LargeBinary(2**24))
    added: Mapped[int | None]
    known: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    uploaded_by: Mapped[str] = mapped_column(sa.String(200), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Line(Base):
    """An incoming transfer on a statement.

    `digest` identifies it within its account. `state` is new; confirmed once staff have matched it;
    booked once the panel has accepted it; or ignored. `attempt_uuid`, `invoice_uuid` and
    `reference` say what it was matched with.
    """

    __tablename__ = "lines"
    __table_args__ = (
        sa.UniqueConstraint("account", "digest"),
        sa.Index("ix_mod_payment_banktransfer_lines_state", "state", "id"),
        sa.Index("ix_mod_payment_banktransfer_lines_reference", "reference"),
    )
    id: Mapped[int] = mapped_column(BIG, primary_key=True)
    statement_id: Mapped[int] = mapped_column(
        sa.ForeignKey("statements.id", ondelete="CASCADE"), index=True
    )
    gateway_uuid: Mapped[str] = mapped_column(sa.String(36))
    account: Mapped[str] = mapped_column(sa.String(60))
    digest: Mapped[str] = mapped_column(sa.String(64))
    booked_on: Mapped[date]
    minor: Mapped[int] = mapped_column(sa.BigInteger)
    currency: Mapped[str] = mapped_column(sa.String(3))
    payer: Mapped[str] = mapped_column(sa.String(200), default="")
    payer_account: Mapped[str] = mapped_column(sa.String(60), default="")
    text: Mapped[str] = mapped_column(sa.String(1000), default="")
    state: Mapped[str] = mapped_column(sa.String(10), default=NEW)
    attempt_uuid: Mapped[str] = mapped_column(sa.String(36), default="")
    invoice_uuid: Mapped[str] = mapped_column(sa.String(36), default="")
    reference: Mapped[str] = mapped_column(sa.String(10), default="")
    number: Mapped[str] = mapped_column(sa.String(200), default="")
    error: Mapped[str] = mapped_column(sa.String(500), default="")
    decided_by: Mapped[str] = mapped_column(sa.String(200), default="")
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def amount(self) -> Decimal:
        """The amount in major units."""
        return major_units(self.minor, self.currency)


class Columns(Base):
    """How the CSV files of an account are read; see `services.csv_files.Layout`."""

    __tablename__ = "columns"
    account: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    layout: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


def layout_of(account: str) -> dict[str, Any] | None:
    """Return how the CSV files of an account are read; None if staff have not said so yet."""
    row: Columns | None = db.session.get(Columns, account, populate_existing=True)
    return dict(row.layout) if row else None
