"""What is sold, and how its module is configured."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.domain.money import Money
from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Key, Name, Sentence, Uuid, Word


class Product(Model):
    """Something that can be bought.

    `module` is its Product module's key, `Product/MyCloudService`, or empty.

    `config` is read when it is asked for: a list of names must not open secrets, nor fail over one
    that does not open.
    """

    __tablename__ = "products"
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    name: Mapped[Name] = mapped_column(index=True)
    description: Mapped[Sentence]
    module: Mapped[str] = mapped_column(sa.String(120), default="", index=True)
    config: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON, default=dict, deferred=True)
    price_minor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    currency: Mapped[str] = mapped_column(sa.String(3), default="EUR")
    period: Mapped[Word] = mapped_column(default="monthly")
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[Created]

    @property
    def price(self) -> Money:
        """What one period costs."""
        return Money(self.price_minor, self.currency)
