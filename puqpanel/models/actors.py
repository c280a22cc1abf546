"""The columns that record an actor."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.models.columns import Reference, Word


class ActedBy:
    """The principal of a row, and the staff member who acted in the client area, if any."""

    actor_kind: Mapped[Word] = mapped_column(default=PrincipalKind.AUTOMATION)
    actor_id: Mapped[Reference | None]
    actor_name: Mapped[str] = mapped_column(sa.String(200), default="")
    ip: Mapped[str] = mapped_column(sa.String(45), default="")
    impersonator_id: Mapped[Reference | None]
    impersonator_name: Mapped[str] = mapped_column(sa.String(200), default="")

    @property
    def actor(self) -> Principal:
        """The principal, without permissions."""
        impersonator = None
        if self.impersonator_id is not None:
            impersonator = Principal(
                PrincipalKind.STAFF, self.impersonator_id, self.impersonator_name, self.ip
            )
        return Principal(
            PrincipalKind(self.actor_kind),
            self.actor_id,
            self.actor_name,
            self.ip,
            impersonated_by=impersonator,
        )


def actor_columns(actor: Principal) -> dict[str, Any]:
    """Return the values of the columns for a principal."""
    staff = actor.impersonated_by
    return {
        "actor_kind": actor.kind.value,
        "actor_id": actor.id,
        "actor_name": actor.name[:200],
        "ip": actor.ip[:45],
        "impersonator_id": staff.id if staff else None,
        "impersonator_name": staff.name[:200] if staff else "",
    }
