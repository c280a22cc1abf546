"""Views of lists that staff saved."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Key, Reference, Uuid, Word


class SavedView(Model):
    """A list with filters, order and columns, as a query string; visible to its owner only."""

    __tablename__ = "saved_views"
    __table_args__ = (sa.UniqueConstraint("staff_id", "list", "name"),)
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    staff_id: Mapped[Reference] = mapped_column(sa.ForeignKey("staff.id", ondelete="CASCADE"))
    list: Mapped[Word]
    name: Mapped[str] = mapped_column(sa.String(100))
    query: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[Created]
