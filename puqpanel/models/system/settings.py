"""Values about the panel itself, by name."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.db import Model


class Setting(Model):
    """A named value."""

    __tablename__ = "settings"
    name: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    value: Mapped[str] = mapped_column(sa.Text, default="")
