"""Times in which prepaid services were active, each at one price and of one client."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.infra.db import Model, UtcDateTime
from puqpanel.models.catalog.prices import Priced
from puqpanel.models.columns import Id, Key, Moment, Reference
from puqpanel.models.provisioning.services import Service


class PrepaidSpan(Priced, Model):
    """A time in which a prepaid service was active at one price.

    Attributes:
        client_id: who pays.
        price_id: the price row at which it was sold; None if it has a price of its own.
        started_at: when the service became active, or got this price or client.
        ended_at: when it was suspended or terminated, or got another price; None while it lasts.
        anchored_on: the first day of its periods; None until it was charged first.
        charged_until: the end of the last period that was charged; None if there is none.
        next_at: when it is charged next; None if all of it was charged.
        live: True while it lasts, then NULL; a service has one such span.
    """

    __tablename__ = "prepaid_spans"
    __table_args__ = (
        sa.UniqueConstraint("service_id", "live"),
        sa.Index("ix_prepaid_spans_next_at_client_id", "next_at", "client_id"),
        sa.Index("ix_prepaid_spans_client_id_live", "client_id", "live"),
    )
    id: Mapped[Key]
    service_id: Mapped[Reference] = mapped_column(sa.ForeignKey("services.id"))
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id"))
    price_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("prices.id"))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[Moment | None]
    anchored_on: Mapped[date | None]
    charged_until: Mapped[Moment | None]
    next_at: Mapped[Moment | None]
    live: Mapped[bool | None] = mapped_column(default=True)
    service: Mapped["Service"] = relationship()
