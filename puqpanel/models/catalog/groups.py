"""Product groups."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.domain.slugs import MAX_LENGTH
from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Id, Key, Name, Sentence, Uuid


class ProductGroup(Model):
    """A group of products in the shop.

    Attributes:
        parent_id: the group that it is in; a group in a group contains no further groups.
        slug: its part of addresses in the shop.
        position: its place among the groups beside it, smallest first.
        hidden: whether the shop leaves it out.
    """

    __tablename__ = "product_groups"
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    parent_id: Mapped[int | None] = mapped_column(
        Id, sa.ForeignKey("product_groups.id"), index=True
    )
    name: Mapped[Name]
    slug: Mapped[str] = mapped_column(sa.String(MAX_LENGTH), unique=True)
    description: Mapped[Sentence]
    position: Mapped[int] = mapped_column(default=0)
    hidden: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Created]
