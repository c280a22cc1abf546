"""Services: a product sold to a client at a price, and its state at the provider."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.periods import Anchor
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.infra.clock import now
from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import Model, UtcDateTime
from puqpanel.models.accounts.clients import Client
from puqpanel.models.catalog.prices import Priced
from puqpanel.models.catalog.products import Product
from puqpanel.models.columns import Created, Id, Key, Message, Moment, Name, Reference, Uuid, Word
from puqpanel.models.searchable import Searchable, declared_secrets, identifiers


class Service(Priced, Searchable, Model):
    """A service of a client, at the price at which it was sold.

    Attributes:
        price_id: the price row at which it was sold; None if it has a price of its own.
        status: the commercial status.
        provision_status: the state at the provider.
        settled_from: the provision status before the verb in progress.
        verb: the verb in progress, or the one that failed last.
        service_data: values of the module's form, encrypted.
        provision_data: values that jobs saved, encrypted.
        failure: the last error, for staff; empty if there is none.
        idle_since: when it became idle; None if it is not idle.
        fallback: product and price before a package change that is not completed.
        observed_at: when the provider last reported its state.
        observe_at: when the provider is asked next; None as soon as possible.
        anchored_on: the day from which its periods are counted; None if it was not ordered.
        anchor_day: the day of the month on which they begin, if that month has no such day.
        paid_until: the first day that is not charged yet; None if no period was charged.
        prepaid: whether its periods are charged from credit when they are over.
    """

    __tablename__ = "services"
    searched = ("name", "service_data", "provision_data")
    __table_args__ = (
        sa.Index("ix_services_status_id", "status", "id"),
        sa.Index("ix_services_provision_status_id", "provision_status", "id"),
        sa.Index("ix_services_client_id_id", "client_id", "id"),
        sa.Index("ix_services_product_id_id", "product_id", "id"),
        sa.Index("ix_services_created_at", "created_at"),
        sa.Index("ix_services_terminated_at", "terminated_at"),
        sa.Index("ix_services_product_id_observe_at", "product_id", "status", "observe_at"),
        sa.Index("ix_services_status_paid_until", "status", "paid_until"),
        sa.Index("ix_services_revenue", "status", "currency", "period", "price_minor"),
        sa.Index("ix_services_troubled", "provision_status", "status", "provision_since"),
    )
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id"))
    product_id: Mapped[Reference] = mapped_column(sa.ForeignKey("products.id"))
    price_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("prices.id"))
    name: Mapped[Name] = mapped_column(index=True)
    status: Mapped[Word] = mapped_column(default=ServiceStatus.PENDING)
    provision_status: Mapped[Word] = mapped_column(default=ProvisionStatus.PENDING)
    settled_from: Mapped[Word] = mapped_column(default=ProvisionStatus.PENDING)
    verb: Mapped[Word] = mapped_column(default="")
    service_data: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON, default=dict)
    provision_data: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON, default=dict)
    failure: Mapped[Message]
    status_since: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    provision_since: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    created_at: Mapped[Created]
    terminated_at: Mapped[Moment | None]
    idle_since: Mapped[Moment | None]
    fallback: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    observed_at: Mapped[Moment | None]
    observe_at: Mapped[Moment | None]
    anchored_on: Mapped[date | None]
    anchor_day: Mapped[int | None] = mapped_column(sa.SmallInteger)
    paid_until: Mapped[date | None]
    prepaid: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    client: Mapped["Client"] = relationship(lazy="joined", innerjoin=True)
    product: Mapped["Product"] = relationship(lazy="joined", innerjoin=True)

    @property
    def anchor(self) -> Anchor | None:
        """From what its periods are counted; None if it was not ordered."""
        return Anchor.on(self.anchored_on, self.anchor_day) if self.anchored_on else None

    @property
    def idle(self) -> bool | None:
        """Whether it was made idle and not resumed since; None if that failed half-way."""
        if self.verb == "idle" and self.provision_status == ProvisionStatus.FAILED:
            return None
        return self.idle_since is not None

    def searched_texts(self, connection: sa.Connection) -> Iterator[str]:
        """Return its name, and the identifiers in the data of its module."""
        query = sa.select(Product.module).where(Product.id == self.product_id)
        secrets = declared_secrets(connection.scalar(query) or "")
        yield self.name
        for data in (self.service_data, self.provision_data):
            yield from identifiers(data, secrets)
