"""Which modules are switched on, at which version, and the number that every process compares."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.domain.module_states import ModuleStatus
from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Key, Moment, Sentence, Word


class Module(Model):
    """A module that was switched on at least once, or refused while it was.

    `version` is what was activated or updated to last.

    `strikes` counts failures of its code since the last thing that it finished, `struck_at` is the
    last; `failing` is the sentence of the open breaker, empty while it works. `deadly_files` marks
    the state of its files in which importing it ended a process.
    """

    __tablename__ = "modules"
    __table_args__ = (sa.UniqueConstraint("type", "name"),)
    id: Mapped[Key]
    type: Mapped[Word]
    name: Mapped[str] = mapped_column(sa.String(80))
    version: Mapped[Word] = mapped_column(default="")
    status: Mapped[Word] = mapped_column(default=ModuleStatus.INACTIVE)
    reason: Mapped[Sentence]
    strikes: Mapped[int] = mapped_column(default=0)
    struck_at: Mapped[Moment | None]
    failing: Mapped[Sentence]
    failing_since: Mapped[Moment | None]
    deadly_files: Mapped[str] = mapped_column(sa.String(64), default="")
    activated_at: Mapped[Moment | None]
    created_at: Mapped[Created]

    @property
    def key(self) -> str:
        """`Product/MyCloudService`."""
        return f"{self.type}/{self.name}"


class Generation(Model):
    """One row: the number of the set of active modules.

    Processes whose app has another number build a new one.
    """

    __tablename__ = "generation"
    id: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(default=1)
