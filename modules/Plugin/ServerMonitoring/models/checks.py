"""Checks and their outages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.sdk import UtcDateTime, db, now

from ..services.states import UNKNOWN
from .base import Base


class Check(Base):
    """A check.

    `config` holds the form's port, tls, status, text, verify_tls, timeout and failures.

    `state` follows from the latest results; UNABLE means that the target could not be checked from
    here. `failures` counts consecutive failures, the first of them at `failing_since`. `next_at`
    is when the check is due; moving it forward from the value that was read claims the check.
    `slow` checks run in a pool of their own, so that they delay only each other.
    """

    __tablename__ = "checks"
    __table_args__ = (
        sa.Index("ix_mod_plugin_servermonitoring_checks_due", "active", "slow", "next_at"),
        sa.Index("ix_mod_plugin_servermonitoring_checks_name_id", "name", "id"),
        sa.Index("ix_mod_plugin_servermonitoring_checks_state", "active", "state", "name", "id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    type: Mapped[str] = mapped_column(sa.String(10))
    target: Mapped[str] = mapped_column(sa.String(500))
    config: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    interval: Mapped[int] = mapped_column(default=60)
    active: Mapped[bool] = mapped_column(default=True)
    client_uuid: Mapped[str | None] = mapped_column(
        sa.String(36), sa.ForeignKey(db.client_uuid, ondelete="SET NULL"), index=True
    )
    service_uuid: Mapped[str | None] = mapped_column(
        sa.String(36), sa.ForeignKey(db.service_uuid, ondelete="SET NULL"), index=True
    )
    state: Mapped[str] = mapped_column(sa.String(10), default=UNKNOWN)
    state_since: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    slow: Mapped[bool] = mapped_column(default=False)
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    response_time: Mapped[int | None]
    error_message: Mapped[str] = mapped_column(sa.String(300), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    @property
    def shown(self) -> str:
        """Return the state to show: "paused" for an inactive check."""
        return self.state if self.active else "paused"


class Outage(Base):
    """A period in which a check was down.

    It is open while `ended_at` is null. `ended_by` is "recovered", or "stopped" if the end is
    unknown because the check was paused or changed.
    """

    __tablename__ = "outages"
    __table_args__ = (
        sa.Index("ix_mod_plugin_servermonitoring_outages_check_id_id", "check_id", "id"),
        sa.Index("ix_mod_plugin_servermonitoring_outages_ended_at", "ended_at", "id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    check_id: Mapped[int] = mapped_column(sa.ForeignKey("checks.id", ondelete="CASCADE"))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(sa.String(300), default="")
    ended_by: Mapped[str] = mapped_column(sa.String(20), default="")
