"""The audit log. Only entries of failed sign-ins are changed, to count them, and deleted."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.db import Model
from puqpanel.models.actors import ActedBy
from puqpanel.models.columns import Created, Key, Message, Reference, Word


class Audit(ActedBy, Model):
    """An audit entry. `action` is `noun.verb`; the entries of an object form its timeline."""

    __tablename__ = "audit"
    __table_args__ = (sa.Index("ix_audit_subject", "subject_type", "subject_uuid", "id"),)
    id: Mapped[Key]
    at: Mapped[Created] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(sa.String(80), index=True)
    subject_type: Mapped[Word] = mapped_column(default="")
    subject_uuid: Mapped[str] = mapped_column(sa.String(200), default="")
    summary: Mapped[Message]
    before: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    after: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    task_id: Mapped[Reference | None] = mapped_column(index=True)
