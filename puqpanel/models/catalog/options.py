"""Options of products, in groups."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.catalog import OptionKind
from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Key, Name, Reference, Uuid, Word


class OptionGroup(Model):
    """Something that is chosen with a product, such as its disk space.

    Attributes:
        key: the name under which modules receive what was chosen.
        label: shown to customers.
        kind: how it is chosen, an `OptionKind`.
        unit: what a quantity counts, such as GB.
        minimum: the smallest quantity.
        maximum: the largest quantity.
        step: quantities are the minimum plus a multiple of it.
        options: what can be chosen; yes or no, and a quantity, have one option with their price.
    """

    __tablename__ = "option_groups"
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    key: Mapped[Word] = mapped_column(unique=True)
    label: Mapped[Name]
    kind: Mapped[Word] = mapped_column(default=OptionKind.CHOICE)
    unit: Mapped[Word] = mapped_column(default="")
    minimum: Mapped[int] = mapped_column(default=0)
    maximum: Mapped[int] = mapped_column(default=1)
    step: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[Created]
    options: Mapped[list["Option"]] = relationship(
        back_populates="group", order_by="Option.position, Option.id"
    )


class Option(Model):
    """One of the options of a group.

    Attributes:
        key: the value that modules receive.
        label: shown to customers.
        free: whether it is included in the price of the product, so that it needs no prices.
        hidden: whether it can no longer be chosen.
    """

    __tablename__ = "options"
    __table_args__ = (sa.UniqueConstraint("group_id", "key", name="uq_options_group_id_key"),)
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    group_id: Mapped[Reference] = mapped_column(sa.ForeignKey("option_groups.id"))
    key: Mapped[Word]
    label: Mapped[Name]
    position: Mapped[int] = mapped_column(default=0)
    free: Mapped[bool] = mapped_column(default=False)
    hidden: Mapped[bool] = mapped_column(default=False)
    group: Mapped["OptionGroup"] = relationship(back_populates="options")


class ProductOptionGroup(Model):
    """That a product is sold with an option group, and where it is shown."""

    __tablename__ = "product_option_groups"
    product_id: Mapped[Reference] = mapped_column(sa.ForeignKey("products.id"), primary_key=True)
    group_id: Mapped[Reference] = mapped_column(
        sa.ForeignKey("option_groups.id"), primary_key=True, index=True
    )
    position: Mapped[int] = mapped_column(default=0)
