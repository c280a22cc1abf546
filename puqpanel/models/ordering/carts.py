"""Carts of visitors and clients."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Id, Key, Moment, Uuid, Word


class Cart(Model):
    """The cart of a visitor or of a client.

    Attributes:
        uuid: also the token of the order that it becomes, so that it is ordered once.
        visitor_hash: the hash of the token in the visitor's cookie; None for a client.
        client_id: the client; None for a visitor. A client has one cart.
        items: what is in it, as `CartItem` writes them. Encrypted, because the fields of a module
            may be secret.
        size: how many services are in it.
        coupon: the code that was entered; empty for none.
        address_id: the billing address that was chosen; None for the client's own.
        expires_at: when it is deleted.
    """

    __tablename__ = "carts"
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    visitor_hash: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    client_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("clients.id"), unique=True)
    items: Mapped[list[dict[str, Any]]] = mapped_column(EncryptedJSON, default=list)
    size: Mapped[int] = mapped_column(default=0)
    coupon: Mapped[Word] = mapped_column(default="")
    address_id: Mapped[int | None] = mapped_column(
        Id, sa.ForeignKey("addresses.id", ondelete="SET NULL"), index=True
    )
    expires_at: Mapped[Moment] = mapped_column(index=True)
    created_at: Mapped[Created]
