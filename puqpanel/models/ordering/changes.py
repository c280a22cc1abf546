"""Changes of services: of their product, options or billing period, with what they cost."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.changes import ChangeStatus
from puqpanel.infra.db import Model
from puqpanel.models.billing.documents import Document
from puqpanel.models.catalog.prices import Priced
from puqpanel.models.catalog.products import Product
from puqpanel.models.columns import Created, Id, Key, Reference, Sentence, Uuid, Word
from puqpanel.models.provisioning.services import Service


class Change(Priced, Model):
    """A change of a service, with the price that holds after it; one at a time is open.

    Attributes:
        status: a `ChangeStatus`.
        product_id: the product after the change.
        price_id: its price row, if options add nothing to it.
        selection: what was chosen of its options, by the key of their group.
        anchored_on: the first day of the new periods; None if they stay as they are.
        anchor_day: the day of the month on which they begin, if that month has no such day.
        paid_until: the first day that is not charged after it; None if it stays as it is.
        effective_on: the day on which it takes effect, unless it waits for its payment.
        expires_on: the last day on which it can be paid; None if nothing is to be paid.
        document_id: the invoice or proforma of what is due; None if nothing is.
        reason: why staff changed it without a charge.
        requested_by: the name of who requested it.
        token: sent with the form; a form that is sent twice requests one change.
        live: True until it is done or withdrawn, then NULL.
    """

    __tablename__ = "service_changes"
    __table_args__ = (
        sa.UniqueConstraint("service_id", "live", name="uq_service_changes_live"),
        sa.Index("ix_service_changes_status_id", "status", "id"),
    )
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    service_id: Mapped[Reference] = mapped_column(sa.ForeignKey("services.id"))
    status: Mapped[Word] = mapped_column(default=ChangeStatus.WAITING)
    product_id: Mapped[Reference] = mapped_column(sa.ForeignKey("products.id"))
    price_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("prices.id"))
    selection: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    anchored_on: Mapped[date | None]
    anchor_day: Mapped[int | None] = mapped_column(sa.SmallInteger)
    paid_until: Mapped[date | None]
    effective_on: Mapped[date]
    expires_on: Mapped[date | None]
    document_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("documents.id"), index=True)
    reason: Mapped[Sentence]
    requested_by: Mapped[str] = mapped_column(sa.String(200))
    token: Mapped[str] = mapped_column(sa.String(64), unique=True)
    live: Mapped[bool | None] = mapped_column(default=True)
    created_at: Mapped[Created]
    service: Mapped["Service"] = relationship()
    product: Mapped["Product"] = relationship()
    document: Mapped["Document | None"] = relationship()
