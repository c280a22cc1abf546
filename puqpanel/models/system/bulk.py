"""The rows of bulk actions."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.db import Model
from puqpanel.models.columns import Key, Message, Name, Reference, Word


class BulkItem(Model):
    """One row to which a bulk action applies.

    Attributes:
        task_id: the task of the bulk action.
        subject_uuid: the service or task that it changes.
        state: waiting, started, queued or refused; `started` is in doubt if the worker was lost.
        message: why it was refused.
        child_id: the task that does the work; None if the work was done at once.
    """

    __tablename__ = "bulk_items"
    __table_args__ = (sa.Index("ix_bulk_items_task_id_state", "task_id", "state"),)
    id: Mapped[Key]
    task_id: Mapped[Reference] = mapped_column(sa.ForeignKey("tasks.id", ondelete="CASCADE"))
    subject_uuid: Mapped[str] = mapped_column(sa.String(36))
    name: Mapped[Name]
    state: Mapped[Word] = mapped_column(default="waiting")
    message: Mapped[Message]
    child_id: Mapped[Reference | None]
