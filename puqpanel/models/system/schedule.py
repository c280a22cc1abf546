"""Scheduled jobs of modules: the next due time and the last run of each entry."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.db import Model, UtcDateTime
from puqpanel.models.columns import Key, Moment, Reference


class ScheduleEntry(Model):
    """The state of an entry of a module's `scheduler()`.

    Attributes:
        shape: the rule from which `due_at` was computed; a changed rule recomputes it.
        task_id: the last run; while it is open, due runs are skipped and counted.
        skipped: number of skipped runs.
    """

    __tablename__ = "schedule"
    __table_args__ = (sa.UniqueConstraint("module", "name"),)
    id: Mapped[Key]
    module: Mapped[str] = mapped_column(sa.String(120))
    name: Mapped[str] = mapped_column(sa.String(80))
    shape: Mapped[str] = mapped_column(sa.String(120), default="")
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ran_at: Mapped[Moment | None]
    task_id: Mapped[Reference | None]
    skipped: Mapped[int] = mapped_column(default=0)
    paused: Mapped[bool] = mapped_column(default=False)
