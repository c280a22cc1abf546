"""Requests to end a service on a day."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.ending_states import EndingStatus
from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Key, Reference, Sentence, Uuid, Word
from puqpanel.models.provisioning.services import Service


class Ending(Model):
    """A request to end a service; a service has one at a time.

    Attributes:
        status: an `EndingStatus`.
        ends_on: the first day without the service.
        reason: why, as it was entered.
        requested_by: the name of who requested it.
        live: True until it is carried out or taken back, then NULL.
    """

    __tablename__ = "endings"
    __table_args__ = (
        sa.UniqueConstraint("service_id", "live"),
        sa.Index("ix_endings_status_ends_on", "status", "ends_on"),
    )
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    service_id: Mapped[Reference] = mapped_column(sa.ForeignKey("services.id"))
    status: Mapped[Word] = mapped_column(default=EndingStatus.SCHEDULED)
    ends_on: Mapped[date]
    reason: Mapped[Sentence]
    requested_by: Mapped[str] = mapped_column(sa.String(200))
    live: Mapped[bool | None] = mapped_column(default=True)
    created_at: Mapped[Created]
    service: Mapped["Service"] = relationship()
