"""Modules that were activated or refused, and the generation number that processes compare."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.domain.module_states import ModuleProblem, ModuleStatus
from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Key, Message, Moment, Word


class Module(Model):
    """A module that was activated at least once, or refused when staff tried to.

    Attributes:
        version: the version last activated or updated to.
        problem: why it is not available, as a value (`ModuleProblem`).
        reason: the same as a sentence, with details.
        failure_count: failures of its code since it last completed something.
        last_failure_at: when the last of them happened.
        circuit_open_reason: why its circuit breaker is open; empty while it is closed.
        circuit_opened_at: when the circuit breaker opened.
        crashed_files: fingerprint of the files with which importing it crashed a process.
    """

    __tablename__ = "modules"
    __table_args__ = (sa.UniqueConstraint("type", "name"),)
    id: Mapped[Key]
    type: Mapped[Word]
    name: Mapped[str] = mapped_column(sa.String(80))
    version: Mapped[Word] = mapped_column(default="")
    status: Mapped[Word] = mapped_column(default=ModuleStatus.INACTIVE)
    problem: Mapped[Word] = mapped_column(default=ModuleProblem.NONE)
    reason: Mapped[Message]
    failure_count: Mapped[int] = mapped_column(default=0)
    last_failure_at: Mapped[Moment | None]
    circuit_open_reason: Mapped[Message]
    circuit_opened_at: Mapped[Moment | None]
    crashed_files: Mapped[str] = mapped_column(sa.String(64), default="")
    activated_at: Mapped[Moment | None]
    created_at: Mapped[Created]

    @property
    def key(self) -> str:
        """`Product/MyCloudService`."""
        return f"{self.type}/{self.name}"


class Generation(Model):
    """The number of the set of active modules, in a single row.

    A process whose app has another number rebuilds it.
    """

    __tablename__ = "generation"
    id: Mapped[Key] = mapped_column(autoincrement=False)
    number: Mapped[int] = mapped_column(default=1)
