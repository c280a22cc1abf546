"""Tasks, with their lease, tags and attempts."""

from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.task_states import OnLoss, TaskStatus
from puqpanel.infra.clock import now
from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import Model, UtcDateTime
from puqpanel.models.actors import ActedBy
from puqpanel.models.columns import Created, Key, Message, Moment, Reference, Uuid, Word


class Task(ActedBy, Model):
    """A task.

    Attributes:
        owner: the worker that claimed it. With `lease_until` it is the fence: only the owner of an
            unexpired lease may close the task.
        waiting_key: unique key of a queued or parked task, so that identical tasks are not queued
            twice.
        like_key: the same key in every status.
        after_id: a task that must end first.
        subject_type: kind of the object it is about: service, product, gateway, sender, module …
        subject_uuid: uuid of the object, or the key of the module.
        in_doubt: whether a worker crashed in mid-job.
        waited: for how many seconds providers asked it to wait.
        flow: the client or module whose turn it takes, see `tasks.turns`.
        turn: its place in the order while it waits for a worker; else NULL.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        sa.Index("ix_tasks_status_run_at", "status", "run_at"),
        sa.Index("ix_tasks_status_lease_until", "status", "lease_until"),
        sa.Index("ix_tasks_subject", "subject_type", "subject_uuid", "id"),
        sa.Index("ix_tasks_status_id", "status", "id"),
        sa.Index("ix_tasks_status_ended_at", "status", "ended_at"),
        sa.Index("ix_tasks_module_id", "module", "id"),
        sa.Index("ix_tasks_job_id", "job", "id"),
        *(
            sa.Index(name, *columns, postgresql_where=where, sqlite_where=where)
            for name, columns in (
                ("ix_tasks_queue_turn", ("queue", "turn")),
                ("ix_tasks_flow_turn", ("queue", "flow", "turn")),
                ("ix_tasks_module_turn", ("queue", "module", "turn")),
            )
            for where in [sa.text("turn IS NOT NULL")]
        ),
    )
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    job: Mapped[str] = mapped_column(sa.String(60))
    queue: Mapped[str] = mapped_column(sa.String(60))
    title: Mapped[str] = mapped_column(sa.String(200), default="")
    data: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON, default=dict)
    status: Mapped[Word] = mapped_column(default=TaskStatus.QUEUED)
    run_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    attempt: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=1)
    backoff: Mapped[int] = mapped_column(default=10)
    timeout: Mapped[int] = mapped_column(default=600)
    max_exceptions: Mapped[int] = mapped_column(default=2)
    exceptions: Mapped[int] = mapped_column(default=0)
    rescues: Mapped[int] = mapped_column(default=0)
    waited: Mapped[int] = mapped_column(default=0)
    on_loss: Mapped[Word] = mapped_column(default=OnLoss.LOSE)
    in_doubt: Mapped[bool] = mapped_column(default=False)
    owner: Mapped[str | None] = mapped_column(sa.String(160))
    lease_until: Mapped[Moment | None]
    dispatched_at: Mapped[Moment | None]
    flow: Mapped[str] = mapped_column(sa.String(140), default="")
    turn: Mapped[Reference | None]
    started_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]
    after_id: Mapped[Reference | None] = mapped_column(index=True)
    waiting_key: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    like_key: Mapped[str] = mapped_column(sa.String(64), default="", index=True)
    duplicates: Mapped[int] = mapped_column(default=0)
    module: Mapped[str] = mapped_column(sa.String(120), default="")
    subject_type: Mapped[Word] = mapped_column(default="")
    subject_uuid: Mapped[str] = mapped_column(sa.String(120), default="")
    note: Mapped[Message]
    created_at: Mapped[Created]
    tags: Mapped[list["TaskTag"]] = relationship(
        cascade="all, delete-orphan", order_by="TaskTag.position"
    )
    attempts: Mapped[list["TaskAttempt"]] = relationship(
        cascade="all, delete-orphan", order_by="TaskAttempt.number"
    )

    is_duplicate: ClassVar[bool] = False
    """True on a row that `tasks.add` returned instead of adding an identical task."""

    @property
    def service_uuid(self) -> str:
        """The service it is about; empty if it is about something else."""
        return self.subject_uuid if self.subject_type == "service" else ""

    @classmethod
    def about(cls, subject_type: str, subject_uuid: object) -> sa.ColumnElement[bool]:
        """Return the condition of the tasks about an object.

        Args:
            subject_type: kind of the object.
            subject_uuid: its uuid, or a column of uuids.
        """
        return sa.and_(cls.subject_type == subject_type, cls.subject_uuid == subject_uuid)

    @classmethod
    def of_service(cls, uuid: object) -> sa.ColumnElement[bool]:
        """Return the condition of the tasks that run or ask something about a service."""
        kinds = ("service", "observation")
        return sa.and_(cls.subject_type.in_(kinds), cls.subject_uuid == uuid)


class TaskTag(Model):
    """A search term of a task, such as `service:…`."""

    __tablename__ = "task_tags"
    __table_args__ = (sa.Index("ix_task_tags_tag_task_id", "tag", "task_id"),)
    task_id: Mapped[Reference] = mapped_column(
        sa.ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True
    )
    tag: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    position: Mapped[int] = mapped_column(default=0)


class TaskAttempt(Model):
    """An attempt at a task by a worker."""

    __tablename__ = "task_attempts"
    __table_args__ = (sa.UniqueConstraint("task_id", "number"),)
    id: Mapped[Key]
    task_id: Mapped[Reference] = mapped_column(sa.ForeignKey("tasks.id", ondelete="CASCADE"))
    number: Mapped[int]
    owner: Mapped[str] = mapped_column(sa.String(160))
    started_at: Mapped[Created]
    ended_at: Mapped[Moment | None]
    outcome: Mapped[Word] = mapped_column(default="")
    message: Mapped[Message]
    output: Mapped[Any] = mapped_column(sa.JSON, nullable=True)
