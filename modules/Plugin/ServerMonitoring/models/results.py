"""Results: each one for some days, and their sums by hour and day for longer."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.sdk import UtcDateTime

from .base import BIG, Base

HOUR, DAY = "hour", "day"


class Result(Base):
    """One result.

    `status` is true for up, false for down, and null if the target could not be checked.
    `response_time` is in milliseconds.
    """

    __tablename__ = "results"
    __table_args__ = (
        sa.Index(
            "ix_mod_plugin_servermonitoring_results_check_id_checked_at", "check_id", "checked_at"
        ),
        sa.Index("ix_mod_plugin_servermonitoring_results_checked_at", "checked_at", "id"),
    )
    id: Mapped[int] = mapped_column(BIG, primary_key=True)
    check_id: Mapped[int] = mapped_column(sa.ForeignKey("checks.id", ondelete="CASCADE"))
    status: Mapped[bool | None]
    response_time: Mapped[int | None]
    error_message: Mapped[str] = mapped_column(sa.String(300), default="")
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Summary(Base):
    """The sums of one check over an hour or a day (`grain`), updated with each result.

    `response_sum` and `response_max` cover the results that were up, in milliseconds.
    """

    __tablename__ = "summaries"
    __table_args__ = (
        sa.UniqueConstraint(
            "check_id", "grain", "starts_at", name="uq_mod_plugin_servermonitoring_summaries_slot"
        ),
        sa.Index(
            "ix_mod_plugin_servermonitoring_summaries_grain_starts_at", "grain", "starts_at", "id"
        ),
    )
    id: Mapped[int] = mapped_column(BIG, primary_key=True)
    check_id: Mapped[int] = mapped_column(sa.ForeignKey("checks.id", ondelete="CASCADE"))
    grain: Mapped[str] = mapped_column(sa.String(5))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    up: Mapped[int] = mapped_column(default=0)
    down: Mapped[int] = mapped_column(default=0)
    unable: Mapped[int] = mapped_column(default=0)
    response_sum: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    response_max: Mapped[int] = mapped_column(default=0)

    @classmethod
    def empty(cls, check_id: int, grain: str, starts_at: datetime) -> Summary:
        """Return a new row with all sums 0."""
        return cls(
            check_id=check_id,
            grain=grain,
            starts_at=starts_at,
            up=0,
            down=0,
            unable=0,
            response_sum=0,
            response_max=0,
        )

    def add(self, ok: bool | None, milliseconds: int) -> None:
        """Add a result."""
        if ok is None:
            self.unable += 1
        elif not ok:
            self.down += 1
        else:
            self.up += 1
            self.response_sum += milliseconds
            self.response_max = max(self.response_max, milliseconds)
