"""The module log: requests to providers and their responses, with secrets masked."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Key, Reference, Word


class ModuleLog(Model):
    """An entry of the module log; request and response are text or JSON of at most 64 KB each."""

    __tablename__ = "module_log"
    __table_args__ = (
        sa.Index("ix_module_log_service", "service_uuid", "id"),
        sa.Index("ix_module_log_module", "type", "name", "id"),
        sa.Index("ix_module_log_level", "level", "id"),
    )
    id: Mapped[Key]
    at: Mapped[Created] = mapped_column(index=True)
    type: Mapped[Word]
    name: Mapped[str] = mapped_column(sa.String(80))
    level: Mapped[Word]
    action: Mapped[str] = mapped_column(sa.String(200))
    request: Mapped[str] = mapped_column(sa.Text, default="")
    response: Mapped[str] = mapped_column(sa.Text, default="")
    duration_ms: Mapped[int | None]
    service_uuid: Mapped[str] = mapped_column(sa.String(36), default="")
    task_id: Mapped[Reference | None] = mapped_column(index=True)
    attempt: Mapped[int | None]
    actor_kind: Mapped[Word] = mapped_column(default="")
    actor_name: Mapped[str] = mapped_column(sa.String(200), default="")
    request_id: Mapped[str] = mapped_column(sa.String(40), default="")
