"""Periodic work of modules: when each entry is due next, and what became of its last run."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.db import Model, UtcDateTime
from puqpanel.models.columns import Key, Moment


class ScheduleEntry(Model):
    """One entry of a module's `scheduler()`.

    What it does stands in the module; the row holds its place in time.

    `task_id` is its last run; a run that is due while that is unfinished is skipped and counted.
    `shape` is the rule that `due_at` was reckoned by: another rule in the module's files reckons it
    anew.
    """

    __tablename__ = "schedule"
    __table_args__ = (sa.UniqueConstraint("module", "name"),)
    id: Mapped[Key]
    module: Mapped[str] = mapped_column(sa.String(120))
    name: Mapped[str] = mapped_column(sa.String(80))
    shape: Mapped[str] = mapped_column(sa.String(120), default="")
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ran_at: Mapped[Moment | None]
    task_id: Mapped[int | None]
    skipped: Mapped[int] = mapped_column(default=0)
    paused: Mapped[bool] = mapped_column(default=False)
