"""The settings of the module: one row."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.sdk import db

from .base import Base


class Settings(Base):
    """The networks that checks may reach besides the internet, and how long results are kept.

    `networks` has one network per line.
    """

    __tablename__ = "settings"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    networks: Mapped[str] = mapped_column(sa.Text, default="")
    raw_days: Mapped[int] = mapped_column(default=3)
    hour_days: Mapped[int] = mapped_column(default=90)
    day_days: Mapped[int] = mapped_column(default=730)

    @property
    def allowed(self) -> tuple[str, ...]:
        """Return the networks as a tuple."""
        return tuple(self.networks.split())


def current() -> Settings:
    """Return the current settings, or the defaults."""
    row: Settings | None = db.session.get(Settings, 1, populate_existing=True)
    return row or Settings(id=1, networks="", raw_days=3, hour_days=90, day_days=730)
