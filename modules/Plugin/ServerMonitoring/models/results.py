"""What the checks found: each result for some days, then what the hours and days amounted to."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.sdk import UtcDateTime

from .base import BIG, Base

HOUR, DAY = "hour", "day"


class Result(Base):
    """One look.

    `status` is true for up, false for down, and empty where it could not be found out;
    `response_time` in milliseconds.
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
    """How often a check was up and down in one hour or one day (`grain`), written along with each
    result.

    `response_sum` and `response_max` are of those that were up.
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
