"""Steps that automation took about unpaid documents, and runs that it stopped to ask staff."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.infra.clock import now
from puqpanel.infra.db import Model, UtcDateTime
from puqpanel.models.billing.documents import Document
from puqpanel.models.columns import Created, Id, Key, Message, Moment, Uuid, Word


class Step(Model):
    """What automation did on a day because something was not paid; each step is taken once.

    Attributes:
        subject_type: `document`, `service` or `order`.
        period: what the step belongs to: the UUID of the unpaid document for a service, the days
            from the due date for a reminder; empty if there is one step of its kind.
        step: a `StepKind`.
        day: in the time zone of the company.
        reason: why.
        document_id: the unpaid document, or the one that was issued.
        ended_at: of a suspension: when the service was unsuspended or terminated.
    """

    __tablename__ = "steps"
    __table_args__ = (
        sa.UniqueConstraint("subject_type", "subject_uuid", "period", "step"),
        sa.Index("ix_steps_document_id", "document_id"),
        sa.Index("ix_steps_step_ended_at", "step", "ended_at"),
        sa.Index("ix_steps_step_day", "step", "day"),
    )
    id: Mapped[Key]
    subject_type: Mapped[Word]
    subject_uuid: Mapped[str] = mapped_column(sa.String(36))
    period: Mapped[Word] = mapped_column(default="")
    step: Mapped[Word]
    day: Mapped[date]
    reason: Mapped[Message]
    document_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("documents.id"))
    ended_at: Mapped[Moment | None]
    created_at: Mapped[Created]
    document: Mapped["Document | None"] = relationship()


class StoppedRun(Model):
    """A run that would have done too much at once; staff decide about it.

    Attributes:
        kind: a `RunKind`.
        status: a `StopStatus`.
        live: True until staff have decided, then NULL; there is one such run of a kind at a time.
        reason: why it stopped.
        steps: what it would have done: pairs of a UUID and what is done about it, which is the
            `StepKind` for a service, the number of the try for the charge of a document, and the
            period of the step for a reminder.
        updated_at: when the steps were determined last.
        decided_by: the name of who decided; empty until then.
    """

    __tablename__ = "stopped_runs"
    __table_args__ = (sa.UniqueConstraint("kind", "live"),)
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    kind: Mapped[Word] = mapped_column(default="services")
    status: Mapped[Word]
    live: Mapped[bool | None] = mapped_column(default=True)
    reason: Mapped[Message]
    steps: Mapped[list[Any]] = mapped_column(sa.JSON, default=list)
    created_at: Mapped[Created]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    decided_at: Mapped[Moment | None]
    decided_by: Mapped[str] = mapped_column(sa.String(200), default="")
