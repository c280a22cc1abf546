"""Orders, with the quote as it was accepted."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.money import Money
from puqpanel.domain.order_states import OrderStatus
from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import Model
from puqpanel.models.accounts.clients import Client
from puqpanel.models.billing.documents import Document
from puqpanel.models.columns import Created, Id, Key, Reference, Uuid, Word
from puqpanel.models.provisioning.services import Service


class Order(Model):
    """An order of a client.

    Attributes:
        status: an `OrderStatus`.
        total_minor: what was to be paid at once, with tax; zero for a draft.
        quote: the lines of the quote as they were accepted.
        address_id: the billing address of a draft; None for the client's own, or once placed.
        coupon: the code of the coupon that a draft uses; empty for none, or once placed.
        contents: what a draft orders, encrypted like the data of services; empty once placed.
        risks: facts to consider before accepting it, as `domain.order_risks` describes them.
        ip: the address from which a customer placed it; empty if staff did.
        document_id: the invoice or proforma; None if nothing was to be paid.
        placed_by: the name of who placed it, or created the draft.
        token: sent with the form; a form that is sent twice places one order.
        created_at: when it was placed, or the draft was created.
    """

    __tablename__ = "orders"
    __table_args__ = (
        sa.Index("ix_orders_client_id_id", "client_id", "id"),
        sa.Index("ix_orders_status_id", "status", "id"),
        sa.Index("ix_orders_ip_created_at", "ip", "created_at"),
    )
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id"))
    status: Mapped[Word] = mapped_column(default=OrderStatus.PLACED)
    currency: Mapped[str] = mapped_column(sa.String(3))
    total_minor: Mapped[int] = mapped_column(sa.BigInteger)
    quote: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON, default=list)
    address_id: Mapped[int | None] = mapped_column(
        Id, sa.ForeignKey("addresses.id", ondelete="SET NULL"), index=True
    )
    coupon: Mapped[Word] = mapped_column(default="", server_default="")
    contents: Mapped[list[dict[str, Any]] | None] = mapped_column(EncryptedJSON)
    risks: Mapped[list[dict[str, Any]] | None] = mapped_column(sa.JSON)
    ip: Mapped[str] = mapped_column(sa.String(45), default="", server_default="")
    document_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("documents.id"), index=True)
    placed_by: Mapped[str] = mapped_column(sa.String(200))
    token: Mapped[str] = mapped_column(sa.String(64), unique=True)
    created_at: Mapped[Created]
    client: Mapped["Client"] = relationship(lazy="joined", innerjoin=True)
    document: Mapped["Document | None"] = relationship()
    items: Mapped[list["OrderItem"]] = relationship(order_by="OrderItem.id")

    @property
    def total(self) -> Money:
        """What was to be paid at once, with tax."""
        return Money(self.total_minor, self.currency)


class OrderItem(Model):
    """A service that was ordered.

    Attributes:
        selection: what was chosen of the options, by the key of their group.
        provisioning: when it is provisioned, as the product said at the order.
        discount: what a coupon takes off its later periods: the code, `percent` or `amount_minor`,
            `products` if it is not valid for all, and `cycles_left`, which is None for
            all periods; None without one.
    """

    __tablename__ = "order_items"
    id: Mapped[Key]
    order_id: Mapped[Reference] = mapped_column(sa.ForeignKey("orders.id"), index=True)
    service_id: Mapped[Reference] = mapped_column(sa.ForeignKey("services.id"), unique=True)
    selection: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    provisioning: Mapped[Word]
    discount: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    service: Mapped["Service"] = relationship(lazy="joined", innerjoin=True)
