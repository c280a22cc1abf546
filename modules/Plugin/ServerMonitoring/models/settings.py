"""What staff set for all checks: one row."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.sdk import db

from .base import Base


class Settings(Base):
    """`networks` are those that checks may reach besides the open internet, one a line; the
    rest says how long results are kept.
    """

    __tablename__ = "settings"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    networks: Mapped[str] = mapped_column(sa.Text, default="")
    raw_days: Mapped[int] = mapped_column(default=3)
    hour_days: Mapped[int] = mapped_column(default=90)
    day_days: Mapped[int] = mapped_column(default=730)

    @property
    def allowed(self) -> tuple[str, ...]:
        """The networks, each by itself."""
        return tuple(self.networks.split())


def current() -> Settings:
    """What is set now; what was never set has its default."""
    row: Settings | None = db.session.get(Settings, 1, populate_existing=True)
    return row or Settings(id=1, networks="", raw_days=3, hour_days=90, day_days=730)
