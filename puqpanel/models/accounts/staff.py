"""Staff accounts and roles."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.permissions import allows, with_implied
from puqpanel.infra.db import Model
from puqpanel.models.accounts.users import Account
from puqpanel.models.columns import Created, Id, Key, Uuid
from puqpanel.models.searchable import Searchable

staff_roles = sa.Table(
    "staff_roles",
    Model.metadata,
    sa.Column("staff_id", Id, sa.ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("role_id", Id, sa.ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True),
)


class Role(Model):
    """A named set of permission keys; `*` allows everything."""

    __tablename__ = "roles"
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    permissions: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    created_at: Mapped[Created]


class Staff(Account, Searchable, Model):
    """An account that signs in at /admin.

    `default_views` has the UUID of the saved view that a list opens with, by the list's name. It is
    here and not with the views, so that a list needs no query to know that it has none.
    """

    __tablename__ = "staff"
    searched = ("name", "email")
    default_views: Mapped[dict[str, str] | None] = mapped_column(sa.JSON)
    roles: Mapped[list["Role"]] = relationship(
        secondary=staff_roles, lazy="selectin", order_by=Role.name
    )

    @property
    def permissions(self) -> frozenset[str]:
        """The permission keys of all roles, with those that they imply."""
        return with_implied(key for role in self.roles for key in role.permissions)

    def may(self, permission: str) -> bool:
        """Return whether one of the roles grants a permission."""
        return allows(self.permissions, permission)
