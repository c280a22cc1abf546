"""Heartbeats of processes, from which health checks read the database alone."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.db import Model
from puqpanel.models.columns import Key, Moment, Word


class Heartbeat(Model):
    """A process (`worker`, `scheduler`), when it was last seen, and its generation."""

    __tablename__ = "heartbeats"
    id: Mapped[Key]
    name: Mapped[str] = mapped_column(sa.String(120), unique=True)
    kind: Mapped[Word]
    host: Mapped[str] = mapped_column(sa.String(120))
    pid: Mapped[int]
    generation: Mapped[int] = mapped_column(default=0)
    at: Mapped[Moment]

    @classmethod
    def is_near(cls, moment: datetime, seconds: float) -> sa.ColumnElement[bool]:
        """Return the condition that the process was seen at most `seconds` from a moment.

        A time further ahead was saved while a clock was wrong, and would count for years.
        """
        margin = timedelta(seconds=seconds)
        return cls.at.between(moment - margin, moment + margin)
