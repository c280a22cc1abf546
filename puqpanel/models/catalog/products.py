"""Products and their module configuration."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Key, Name, Sentence, Uuid, Word
from puqpanel.models.searchable import Searchable


class Priced:
    """The columns of the price of one billing period."""

    price_minor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    currency: Mapped[str] = mapped_column(sa.String(3), default="EUR")
    period: Mapped[Word] = mapped_column(default=Period.MONTHLY.value)

    @property
    def price(self) -> Money:
        """The price of one billing period."""
        return Money(self.price_minor, self.currency)


class Product(Priced, Searchable, Model):
    """A product that can be sold.

    Attributes:
        module: key of its Product module, such as `Product/MyCloudService`, or empty.
        configured: whether the module's settings of the product were saved.
        config: the module's configuration. Deferred, so that lists neither decrypt secrets nor
            fail because of one that cannot be decrypted.
    """

    __tablename__ = "products"
    searched = ("name",)
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    name: Mapped[Name] = mapped_column(index=True)
    description: Mapped[Sentence]
    module: Mapped[str] = mapped_column(sa.String(120), default="", index=True)
    configured: Mapped[bool] = mapped_column(default=False)
    config: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON, default=dict, deferred=True)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[Created]
