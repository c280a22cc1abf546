"""Products and their module configuration."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.domain.catalog import BillingMode, ProvisioningPolicy
from puqpanel.domain.periods import FixedDay
from puqpanel.domain.slugs import MAX_LENGTH
from puqpanel.domain.tax_rules import STANDARD_CLASS
from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Id, Key, Name, Sentence, Uuid, Word, new_uuid
from puqpanel.models.searchable import Searchable


class Product(Searchable, Model):
    """A product that can be sold. Its prices are rows of `prices`.

    Attributes:
        group_id: its group in the shop; None if it is in none.
        slug: its part of addresses in the shop.
        position: its place in the group, smallest first.
        module: key of its Product module, such as `Product/MyCloudService`, or empty.
        configured: whether the module's settings of the product were saved.
        config: the module's configuration. Deferred, so that lists neither decrypt secrets nor
            fail because of one that cannot be decrypted.
        active: whether it is sold; a product that is no longer sold is kept for its services.
        hidden: whether the shop leaves it out; it can still be ordered by its address.
        highlighted: whether the shop recommends it.
        stock: how many are left to sell; None if that is not limited.
        tax_class: which rate of a country applies to it.
        provisioning: when its services are created at the provider.
        billing_mode: how it is paid for.
        anchor_day: the day of the month on which periods begin; None for the day of order.
        next_after: an order after this day of the month is also charged the next period.
        suspend_after_days: days from the due date to the suspension of an unpaid service; None
            for never.
        terminate_after_days: days from the due date to its termination; None for never.
        welcome: what a customer reads once the service is active.
    """

    __tablename__ = "products"
    searched = ("name",)
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    group_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("product_groups.id"), index=True)
    slug: Mapped[str] = mapped_column(sa.String(MAX_LENGTH), unique=True, default=new_uuid)
    position: Mapped[int] = mapped_column(default=0)
    name: Mapped[Name] = mapped_column(index=True)
    description: Mapped[Sentence]
    module: Mapped[str] = mapped_column(sa.String(120), default="", index=True)
    configured: Mapped[bool] = mapped_column(default=False)
    config: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON, default=dict, deferred=True)
    active: Mapped[bool] = mapped_column(default=True)
    hidden: Mapped[bool] = mapped_column(default=False)
    highlighted: Mapped[bool] = mapped_column(default=False)
    stock: Mapped[int | None]
    tax_class: Mapped[Word] = mapped_column(default=STANDARD_CLASS)
    provisioning: Mapped[Word] = mapped_column(default=ProvisioningPolicy.AT_PAYMENT)
    billing_mode: Mapped[Word] = mapped_column(default=BillingMode.RECURRING)
    anchor_day: Mapped[int | None]
    next_after: Mapped[int | None]
    suspend_after_days: Mapped[int | None]
    terminate_after_days: Mapped[int | None]
    welcome: Mapped[Sentence]
    created_at: Mapped[Created]

    @property
    def anchor_policy(self) -> FixedDay | None:
        """On which day periods begin; None for the day of order."""
        return None if self.anchor_day is None else FixedDay(self.anchor_day, self.next_after)
